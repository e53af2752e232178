"""State is a fold over events: this is the whole meaning of each of them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from mpsjobs.model.asset import Json
from mpsjobs.model.events import (
    AssetForgotten,
    AssetPublished,
    AssetRecorded,
    AssetRetired,
    Event,
    OutputsMissing,
    OutputsRecorded,
    PublishedErased,
    PublishedMissing,
    RunFinished,
    RunStarted,
    SubmitIntended,
    SubmitRefused,
    TakeCopied,
    TakeImported,
    TaskSubmitted,
)
from mpsjobs.model.state import (
    AssetRecord,
    AssetStatus,
    Pool,
    Published,
    Refusal,
    RetiredRecord,
    State,
    Superseded,
    Take,
    TakeStatus,
    adopted_drafts,
    asset_status,
)
from mpsjobs.state.attempt import WAS_THERE, AttemptEvent, advanced, begun, contradiction


class Fold:
    """Folds events into a state, at a cost that does not grow with the state.

    It owns the state from now on: nobody else may change it. An event that does not fit raises StateError and changes nothing.
    """

    def __init__(self, state: State) -> None:
        self.state = state

    def apply(self, event: Event, seq: int) -> None:  # noqa: C901, PLR0912  # one meaning an event
        """Fold in the event with this number, which must be the next one.

        Raises:
            StateError: it does not follow from what came before.
        """
        if seq != self.state.serial + 1:
            raise contradiction(f"event {seq} follows event {self.state.serial}")
        match event:
            case RunStarted():
                self.state.commit = event.commit
            case RunFinished():
                pass
            case SubmitIntended():
                self._intend(event, seq)
            case TakeCopied():
                self._copied(event, seq)
            case AssetRecorded():
                self._record(event, seq)
            case TakeImported():
                self._import(event, seq)
            case AssetRetired():
                self._retire(event)
            case AssetPublished():
                self._publish(event, seq)
            case PublishedMissing():
                self._unpublish(event)
            case AssetForgotten():
                self._forget_all(event)
            case PublishedErased():
                self._erase_published(event)
            case _:  # about an attempt: an event that is not would be a mistake of types here
                self._advance(event, seq)
        self.state.serial = seq

    @cached_property
    def _fingerprint_of(self) -> dict[str, str]:
        """Attempt id → fingerprint."""
        return {take.attempt_id: fingerprint for fingerprint, take in self.state.takes()}

    @cached_property
    def _addresses_of(self) -> dict[str, set[str]]:
        """Fingerprint → the addresses that point at it."""
        index: dict[str, set[str]] = {}
        for address, record in self.state.assets.items():
            index.setdefault(record.fingerprint, set()).add(address)
        return index

    @cached_property
    def _publisher_of(self) -> dict[str, str]:
        """Place of a published object → the address that was published there last, under the name that it had then."""
        assets = self.state.assets.items()
        return {each.place: address for address, record in assets for each in record.published or ()}

    def _intend(self, event: SubmitIntended, seq: int) -> None:
        take = replace(
            begun(event, TakeStatus.INTENDED),
            host=event.host,
            boot_id=event.boot_id,
            replaces=event.replaces,
            inputs=event.inputs,
            draft=event.draft,
            draft_commit=event.commit,
        )
        self._add(take, event.fingerprint, event.fields, seq)

    def _copied(self, event: TakeCopied, seq: int) -> None:
        take = replace(
            begun(event, TakeStatus.DONE),
            finished_at=event.at,
            task_id=event.task_id,
            request_id=event.request_id,
            outputs=event.outputs,
            inputs=event.inputs,
            origin_environment=event.origin_environment,
            origin_attempt=event.origin_attempt,
            preferred=event.preferred,
        )
        self._add(take, event.fingerprint, event.fields, seq)

    def _import(self, event: TakeImported, seq: int) -> None:
        done = bool(event.outputs)
        take = replace(
            begun(event, TakeStatus.DONE if done else TakeStatus.SUBMITTED),
            submitted_at=None if done else event.at,
            finished_at=event.at if done else None,
            task_id=event.task_id,
            outputs=event.outputs,
            imported=event.source,
        )
        self._add(take, event.fingerprint, event.fields, seq)

    def _add(self, take: Take, fingerprint: str, fields: Mapping[str, Json], seq: int) -> None:
        pool = self.state.pools.get(fingerprint) or Pool(fields=fields)
        if take.attempt_id in self._fingerprint_of:
            raise contradiction(f"attempt {take.attempt_id} begins twice")
        if any(each.take == take.take for each in pool.takes):
            raise contradiction(f"take {take.take} of {fingerprint} begins twice")
        takes = (*pool.takes, take)
        if pool.takes and pool.takes[-1].take > take.take:
            takes = tuple(sorted(takes, key=lambda each: each.take))
        self._fingerprint_of[take.attempt_id] = fingerprint
        self._put(fingerprint, replace(pool, takes=takes), take.realm, None if take.draft else seq)

    def _advance(self, event: AttemptEvent, seq: int) -> None:
        fingerprint = self._fingerprint_of.get(event.attempt_id)
        if fingerprint is None:
            raise contradiction(f"attempt {event.attempt_id} has no beginning")
        pool = self.state.pools[fingerprint]
        take = next(take for take in pool.takes if take.attempt_id == event.attempt_id)
        after = advanced(take, event)
        if after is None:
            del self._fingerprint_of[event.attempt_id]
        takes = tuple(after if each is take else each for each in pool.takes)
        if isinstance(event, OutputsRecorded) and take.replaces:
            takes = tuple(
                replace(each, rejected=True) if each and each.attempt_id in take.replaces else each
                for each in takes
            )
        refused = dict(pool.refused)
        if isinstance(event, SubmitRefused):
            refused[take.realm] = Refusal(event.code, event.message, event.request_id, event.at)
        elif isinstance(event, TaskSubmitted):
            refused.pop(take.realm, None)
        pool = replace(pool, takes=tuple(each for each in takes if each is not None), refused=refused)
        found = isinstance(event, OutputsMissing | OutputsRecorded) and take.status in WAS_THERE
        self._put(fingerprint, pool, take.realm, None if found or take.draft else seq)

    def _put(self, fingerprint: str, pool: Pool, realm: str, seq: int | None) -> None:
        """Store a changed pool, and bring the assets that use it up to date. `seq` None: it is no change of theirs."""
        self.state.pools[fingerprint] = pool
        for address in self._addresses_of.get(fingerprint, ()):
            record = self.state.assets[address]
            if record.realm == realm:
                status = asset_status(pool, realm, record.takes, record.pick)
                self.state.assets[address] = replace(
                    record,
                    status=status,
                    failure=_failure(pool, realm, status),
                    serial=record.serial if seq is None else seq,
                )

    def _record(self, event: AssetRecorded, seq: int) -> None:
        before = self.state.assets.get(event.address)
        moved = self.state.assets.get(event.moved_from) if event.moved_from is not None else None
        # Two assets may swap their names: what stands under the old name may be somebody else by now.
        if moved is not None and event.moved_from is not None and moved.fingerprint == event.fingerprint:
            self._forget(event.moved_from)
            if before is not None:
                self._supersede(event.moved_from, moved, event.at)
            before = before or moved
        published = _picked(before.published, event) if before else None
        for each in published or ():
            self._publisher_of[each.place] = event.address
        self._forget(event.address)
        self.state.retired.pop(event.address, None)
        pool = self._adopted(event)
        status = asset_status(pool, event.realm, event.takes, event.pick)
        self.state.assets[event.address] = AssetRecord(
            fingerprint=event.fingerprint,
            realm=event.realm,
            status=status,
            takes=event.takes,
            pick=event.pick,
            lifecycle=event.lifecycle if event.lifecycle is not None else before.lifecycle if before else {},
            failure=_failure(pool, event.realm, status),
            published=published,
            serial=seq,
        )
        self._addresses_of.setdefault(event.fingerprint, set()).add(event.address)

    def _adopted(self, event: AssetRecorded) -> Pool:
        """The takes of the sound that is recorded, with those that were drafts until now and are the asset's own from now on."""
        pool = self.state.pool(event.fingerprint)
        if adopted := adopted_drafts(pool, event.realm, event.takes, event.pick):
            takes = tuple(replace(each, draft=False) if each in adopted else each for each in pool.takes)
            pool = self.state.pools[event.fingerprint] = replace(pool, takes=takes)
        return pool

    def _retire(self, event: AssetRetired) -> None:
        record = self._known(event.address, "retired")
        self._forget(event.address)
        self.state.retired[event.address] = RetiredRecord(
            record.fingerprint, record.realm, record.pick, event.at
        )
        self._supersede(event.address, record, event.at)

    def _publish(self, event: AssetPublished, seq: int) -> None:
        record = self._known(event.address, "published")
        self._supersede(event.address, record, event.at)
        for each in event.published:
            self.state.superseded.pop(each.place, None)
            self._take_over(each.place, event.address)
        self.state.assets[event.address] = replace(record, published=event.published or None, serial=seq)

    def _unpublish(self, event: PublishedMissing) -> None:
        record = self._known(event.address, "missing under its key")
        left = tuple(each for each in record.published or () if each.place not in event.places)
        self.state.assets[event.address] = replace(record, published=left or None)

    def _take_over(self, place: str, address: str) -> None:
        """What another asset had published in this place is there no more."""
        other = self._publisher_of.get(place, address)
        self._publisher_of[place] = address
        record = self.state.assets.get(other)
        if record is not None and other != address:
            left = tuple(each for each in record.published or () if each.place != place)
            self.state.assets[other] = replace(record, published=left or None)

    def _supersede(self, address: str, record: AssetRecord, at: str) -> None:
        """Note what an asset leaves behind. Others may be published there by now: `unclaimed` tells."""
        for each in record.published or ():
            self.state.superseded[each.place] = Superseded(
                address, at, each.bucket, each.region, each.key, each.etag, each.sha256
            )

    def _erase_published(self, event: PublishedErased) -> None:
        if self.state.superseded.pop(event.place, None) is None:
            raise contradiction(f"{event.place} is erased, but no asset has left it")

    def _known(self, address: str, what: str) -> AssetRecord:
        record = self.state.assets.get(address)
        if record is None:
            raise contradiction(f"{address} is {what}, but nothing is recorded under that name")
        return record

    def _forget_all(self, event: AssetForgotten) -> None:
        if event.address not in self.state.assets and event.address not in self.state.retired:
            raise contradiction(f"{event.address} is forgotten, but nothing is recorded under that name")
        if (record := self.state.assets.get(event.address)) is not None:
            self._supersede(event.address, record, event.at)
        self._forget(event.address)
        self.state.retired.pop(event.address, None)

    def _forget(self, address: str) -> None:
        index = self._addresses_of  # made before the record goes
        record = self.state.assets.pop(address, None)
        if record is not None:
            index[record.fingerprint].discard(address)


def _picked(published: tuple[Published, ...] | None, event: AssetRecorded) -> tuple[Published, ...] | None:
    """What is published, with a mark on the take that is picked now: it may have been published before anybody chose."""
    if published is None or event.pick is None:
        return published
    chosen = (event.fingerprint, event.pick)
    return tuple(
        replace(each, picked=each.picked or (each.fingerprint, each.take) == chosen) for each in published
    )


def _failure(pool: Pool, realm: str, status: AssetStatus) -> str | None:
    """Why an asset has nothing to show: what the cloud said last."""
    if status is not AssetStatus.FAILED:
        return None
    if realm in pool.refused:
        return pool.refused[realm].message
    ended = {TakeStatus.FAILED, TakeStatus.LOST}
    failed = [take.message for take in pool.of_realm(realm) if take.status in ended]
    return failed[-1] if failed else None
