"""Publishing: which take is to lie under an asset's stable key, and whether it does. The plan and apply ask the same question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mpsjobs.model.asset import Asset, Json, PublishWhen, StoreTarget
from mpsjobs.model.change import Change, Kind, Publish, Reason, Risk
from mpsjobs.model.expectations import OnFail
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.published_keys import below, published_keys
from mpsjobs.model.state import AssetRecord, Output, Pool, Published, Take, chosen_take


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published of an asset, and is not: which output of which take goes where. `take` None: nothing is, any more."""

    address: str
    fingerprint: str
    take: Take | None = None
    picked: bool = False
    copies: tuple[tuple[Output, ObjectRef], ...] = ()


def publish_of(
    asset: Asset, fingerprint: str, record: AssetRecord | None, store: StoreTarget
) -> Publish | None:
    """What the asset wants to have published, in the project's store; None where nothing is, or was."""
    if asset.publish is None and not (record and record.published):
        return None
    key = below(store.prefix, asset.publish) if asset.publish else None
    master = asset.master.name if asset.master else None
    passing = asset.expect.on_fail is not OnFail.WARN
    return Publish(asset.address, fingerprint, store, key, asset.publish_when, asset.pick, master, passing)


def due(publish: Publish, record: AssetRecord | None, pool: Pool, realm: str) -> Publication | None:
    """What has to be copied now; None when all is as it should be, or there is no take to publish yet. `pool` is that of its fingerprint."""
    published = record.published or () if record else ()
    if publish.key is None:
        return Publication(publish.address, publish.fingerprint) if published else None
    take = chosen_take(pool, realm, publish.pick)
    if take is None or _waits(publish, published, take):
        return None
    outputs = take.finished(publish.master) if publish.master else take.outputs
    if outputs is None:
        return None  # what is published stays until the finished files are there
    copies = tuple(
        (output, ObjectRef(publish.store.bucket, publish.store.region, key))
        for output, key in published_keys(publish.key, outputs)
    )
    there = {(each.bucket, each.region, each.key): (each.attempt_id, each.sha256) for each in published}
    wanted = {(ref.bucket, ref.region, ref.key): (take.attempt_id, output.sha256) for output, ref in copies}
    if there == wanted:
        return None
    return Publication(publish.address, publish.fingerprint, take, take.take == publish.pick, copies)


def with_publication(
    change: Change, publish: Publish, record: AssetRecord | None, pool: Pool, realm: str
) -> Change:
    """The change, with what is published by it: an asset that needs nothing else is updated, which is free."""
    if change.kind is Kind.FAILED:
        return change
    publication, published = due(publish, record, pool, realm), record.published or () if record else ()
    if publication is None or (change.kind is Kind.GENERATE and record is None):
        take = None if change.generations else chosen_take(pool, realm, publish.pick)
        comes = change.kind is not Kind.KEEP and not _waits(publish, published, take)
        return replace(change, publishes=publish.key) if comes else change
    before = _shown((each.key, each.take) for each in published)
    number = publication.take.take if publication.take else 0
    after = _shown((ref.key, number) for _, ref in publication.copies)
    says_something = before != after or not change.reasons  # the first take of another sound reads the same
    return replace(
        change,
        kind=Kind.UPDATE if change.kind is Kind.KEEP else change.kind,
        reasons=(*change.reasons, *([Reason("publish", before, after)] if says_something else [])),
        publishes=publish.key,
    )


def held_back(
    publish: Publish, change: Change, record: AssetRecord | None, pool: Pool, realm: str
) -> Risk | None:
    """What is used, or will be, and not published, because it has to be picked first."""
    published = record.published or () if record else ()
    take = None if change.generations else chosen_take(pool, realm, publish.pick)
    if publish.key is None or not _waits(publish, published, take):
        return None
    still = f"; take {published[0].take} of before stays under its key" if published else ""
    if take is None:
        words = f"a new take is published when it is picked: mpsjobs pick {publish.address} NUMBER"
        return Risk(publish.address, f"{words}{still}") if published and change.generations else None
    if any(each.attempt_id == take.attempt_id for each in published):
        return None
    why = "" if _only_picks(publish, published) else " misses what is expected, so it"
    words = (
        f"take {take.take}{why} is published when it is picked: mpsjobs pick {publish.address} {take.take}"
    )
    return Risk(publish.address, f"{words}{still}")


def _waits(publish: Publish, published: Sequence[Published], take: Take | None) -> bool:
    """Whether a take has to be picked before it is published. None: one that is still to come; there is no telling what it will miss."""
    if take is None:
        return publish.pick is None and _only_picks(publish, published)
    if take.take == publish.pick:
        return False
    return _only_picks(publish, published) or (publish.passing and bool(take.misses))


def _only_picks(publish: Publish, published: Sequence[Published]) -> bool:
    """Once something was picked, nobody hears in a build what nobody has heard before."""
    if publish.when is None:
        return publish.pick is not None or any(each.picked for each in published)
    return publish.when is PublishWhen.PICKED


def _shown(objects: Iterator[tuple[str, int]]) -> Json:
    found: list[Json] = [f"{key} (take {take})" for key, take in objects]
    return found[0] if len(found) == 1 else found or None
