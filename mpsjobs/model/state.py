"""What has been done: takes, the assets that use them, and the state that holds both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mpsjobs.model.asset import Json
from mpsjobs.model.mastering import Mastering
from mpsjobs.model.measures import VIDEO, Measures


class TakeStatus(StrEnum):
    """INTENDED: written down, no answer yet · SUBMITTED: the cloud has it · UNKNOWN: sent, the answer was lost.

    DELETED: it was there · LOST: it was there, and the store does not have all of its outputs any more.
    """

    INTENDED = "intended"
    SUBMITTED = "submitted"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"
    DELETED = "deleted"
    LOST = "lost"


class AssetStatus(StrEnum):
    READY = "ready"
    PARTIAL = "partial"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    UNRESOLVED = "unresolved"


@dataclass(frozen=True, slots=True)
class Output:
    """An object that a task wrote. `size` in bytes, `sha256` in hex, `duration_s` in seconds (None when not measured).

    Where there are no `measures`, `unmeasured` says why; None: nobody has tried yet.
    """

    bucket: str
    region: str
    key: str
    etag: str
    size: int
    sha256: str
    format: str
    duration_s: float | None = None
    measures: Measures | None = None
    unmeasured: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A copy of an output under a stable key. `picked`: somebody picked the take, before or after it was published."""

    bucket: str
    region: str
    key: str
    etag: str
    size: int
    sha256: str
    fingerprint: str
    take: int
    attempt_id: str
    picked: bool = False

    @property
    def place(self) -> str:
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Superseded:
    """A published object that its asset left behind at `since`: the asset moved to another key, was retired, or is published no more.

    It can still be read, until `gc --published`.
    """

    address: str
    since: str
    bucket: str
    region: str
    key: str
    etag: str
    sha256: str

    @property
    def place(self) -> str:
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True)
class Input:
    """An output of another asset that a take was made from. `asset` is its address at that time, `sha256` that of the very file."""

    asset: str
    fingerprint: str
    take: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Master:
    """Finished files that were made of a take; `name` is that of the settings (see `mpsjobs.model.mastering`)."""

    name: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """One task's result, or the attempt at one. `take` counts from 1 within the fingerprint and is never given twice.

    `cos_path` belongs to this attempt alone. `host`, `boot_id` and `sending` say how far a submission got when nobody is left to tell:
    not `sending` on the same host and boot means that the request never left completely. `replaces` are attempts whose takes are used no
    more when this one is there. `late`: its outputs showed after it had been abandoned.

    A copy from another environment has `origin_attempt`, the attempt that was paid for, and its TaskId and RequestId. It came from
    `origin_environment`; `preferred` there: it is the one to use unless somebody picks another.

    `draft`: it was bought before its specs were merged, for the git commit `draft_commit`, and no asset has adopted it yet.

    `rejected`: it is never used again, for another one took its place, or because somebody `declined` it after listening.
    `misses` is what it misses of the expectations of those who use it, in words; `unfit`: so much that it is not used by itself.

    What was imported says in `imported` from where: `task 24…`, `object bucket/key`. Of a deleted one, `outputs` are what was deleted.
    Once it is `erased`, they are gone from the store.
    """

    take: int
    realm: str
    attempt_id: str
    bucket: str
    region: str
    cos_path: str
    status: TakeStatus
    host: str
    boot_id: str
    intended_at: str
    address: str
    sending: bool = False
    task_id: str | None = None
    request_id: str | None = None
    adopted: bool = False
    submitted_at: str | None = None
    finished_at: str | None = None
    message: str | None = None
    inputs: tuple[Input, ...] = ()
    rejected: bool = False
    outputs: tuple[Output, ...] = ()
    replaces: tuple[str, ...] = ()
    late: bool = False
    origin_environment: str | None = None
    origin_attempt: str | None = None
    preferred: bool = False
    imported: str | None = None
    erased: bool = False
    declined: bool = False
    misses: tuple[str, ...] = ()
    unfit: bool = False
    draft: bool = False
    draft_commit: str | None = None
    masters: tuple[Master, ...] = ()

    @property
    def objects(self) -> tuple[Output, ...]:
        """Everything that lies in the store of it: what the cloud made, and what was made of that."""
        return (*self.outputs, *(output for each in self.masters for output in each.outputs))

    def finished(self, mastering: str) -> tuple[Output, ...] | None:
        """The files that were made of it by these settings; None when they are not there."""
        made = self.master(mastering)
        return made.outputs if made else None

    def master(self, name: str) -> Master | None:
        return next((each for each in self.masters if each.name == name), None)

    @property
    def root(self) -> str:
        """The attempt that was paid for, however often its outputs were copied since."""
        return self.origin_attempt or self.attempt_id

    @property
    def usable(self) -> bool:
        return self.there and not self.rejected and not self.unfit

    @property
    def there(self) -> bool:
        """Whether there are outputs of it, rejected or not."""
        return self.status is TakeStatus.DONE and bool(self.outputs)

    @property
    def in_flight(self) -> bool:
        """The cloud works on it, or has finished and the outputs are not collected yet."""
        return self.status is TakeStatus.SUBMITTED

    @property
    def lost(self) -> bool:
        """Its outputs are gone from the store, and no other take has taken its place."""
        return self.status is TakeStatus.LOST and not self.rejected

    @property
    def unresolved(self) -> bool:
        """A paid task may exist, and only a look into the store can tell."""
        return self.status in {TakeStatus.INTENDED, TakeStatus.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The cloud refused this sound for good; remembered, so that nobody pays for the same answer again."""

    code: str
    message: str
    request_id: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Pool:
    """All takes of one fingerprint, over all realms, in the order of their numbers; `refused` by realm."""

    fields: Mapping[str, Json]
    takes: tuple[Take, ...] = ()
    refused: Mapping[str, Refusal] = field(default_factory=dict)

    def of_realm(self, realm: str) -> tuple[Take, ...]:
        return tuple(take for take in self.takes if take.realm == realm)

    @property
    def next_number(self) -> int:
        return max((take.take for take in self.takes), default=0) + 1


EMPTY_POOL = Pool(fields={})


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """What an address points at. `takes` is how many were wanted, `pick` the wanted take; `serial` the event that last touched it.

    `published` is what lies under its stable keys; None when nothing does.
    """

    fingerprint: str
    realm: str
    status: AssetStatus
    takes: int = 1
    pick: int | None = None
    lifecycle: Mapping[str, Json] = field(default_factory=dict)
    failure: str | None = None
    published: tuple[Published, ...] | None = None
    serial: int = 0

    @property
    def mastering(self) -> Mastering | None:
        """What is made of its take before that is handed out."""
        return Mastering.of(self.lifecycle.get("master"))


@dataclass(frozen=True, slots=True)
class RetiredRecord:
    """An asset that nobody wants any more. Its takes stay."""

    fingerprint: str
    realm: str
    pick: int | None
    retired_at: str


@dataclass(slots=True)
class State:
    """The fold so far. The only mutable value of the model: one thread folds events into it; everybody else reads.

    `serial` is the sequence number of the last event folded in. `lineage` names the history that it belongs to. `superseded` is by place;
    ask `unclaimed` which of it is nobody's.
    """

    lineage: str
    serial: int = 0
    commit: str | None = None
    assets: dict[str, AssetRecord] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    retired: dict[str, RetiredRecord] = field(default_factory=dict)
    superseded: dict[str, Superseded] = field(default_factory=dict)

    def pool(self, fingerprint: str) -> Pool:
        return self.pools.get(fingerprint, EMPTY_POOL)

    def takes(self) -> Iterator[tuple[str, Take]]:
        """Every take with its fingerprint."""
        for fingerprint, pool in self.pools.items():
            for take in pool.takes:
                yield fingerprint, take


def never_sent(take: Take, host: str, boot_id: str) -> bool:
    """Whether an attempt is certain never to have left this machine.

    It was intended here, in this boot, and the mark before the last byte is missing. (The mark is not synced: it survives the
    process but not a power cut, hence the boot.)
    """
    return (
        take.status is TakeStatus.INTENDED
        and not take.sending
        and (take.host, take.boot_id) == (host, boot_id)
    )


def chosen_take(pool: Pool, realm: str, pick: int | None) -> Take | None:
    """The take that an asset uses: the picked one when it can be used, else the first usable one, None when there is none.

    One that was preferred where it was copied from comes first, then those that meet all expectations. A late one, which had been given up
    before it showed, comes after all others, and so does a draft: they must not push aside what is in use. Who picks a take has heard it, so an unfit one is
    used if it is picked.
    """
    takes = pool.of_realm(realm)
    picked = next((take for take in takes if take.take == pick and take.there and not take.rejected), None)
    usable = (take for take in takes if take.usable)
    return picked or min(
        usable,
        key=lambda take: (take.late, take.draft, not take.preferred, bool(take.misses), take.take),
        default=None,
    )


def adopted_drafts(pool: Pool, realm: str, wanted: int, pick: int | None) -> tuple[Take, ...]:
    """The drafts that an asset of this sound makes its own: as many as its wanted takes lack without them, and its pick."""
    counted = [
        take
        for take in pool.of_realm(realm)
        if take.usable or take.in_flight or take.unresolved or (take.take == pick and take.there)
    ]
    drafts = [take for take in counted if take.draft and not take.rejected]
    lacking = max(0, wanted - sum(not (take.draft or take.rejected) for take in counted))
    return tuple(take for place, take in enumerate(drafts) if place < lacking or take.take == pick)


def handed_out(record: AssetRecord, take: Take) -> tuple[Output, ...]:
    """What people and game builds get of a take: the finished files where the asset has such, else what the cloud made."""
    return finished_of(record, take) or take.outputs


def finished_of(record: AssetRecord, take: Take) -> tuple[Output, ...]:
    """The finished files of a take as the asset wants them; none where nothing is made, or not yet."""
    mastering = record.mastering
    return (take.finished(mastering.name) if mastering else None) or ()


def awaits_finishing(record: AssetRecord, take: Take) -> bool:
    """Whether files are to be made of the take and are not there: until then, what was handed out before stays."""
    mastering = record.mastering
    return mastering is not None and take.master(mastering.name) is None


def output_of(outputs: Sequence[Output], *, video: bool) -> Output:
    """The output that stands for a take where another one is made from it: the first video or the first audio, else the first at all."""
    return next((each for each in outputs if (each.format in VIDEO) is video), outputs[0])


def unclaimed(state: State) -> tuple[Superseded, ...]:
    """The published objects that are nobody's now, by place: no asset is published there any more, though they can still be read."""
    claimed = {each.place for record in state.assets.values() for each in record.published or ()}
    return tuple(state.superseded[place] for place in sorted(state.superseded.keys() - claimed))


def asset_status(pool: Pool, realm: str, wanted: int, pick: int | None) -> AssetStatus:
    """How far an asset is, seen from the takes of its fingerprint. An unfit take that is picked is good enough."""
    takes = pool.of_realm(realm)
    usable = sum(take.usable or (take.take == pick and take.there and not take.rejected) for take in takes)
    if usable >= wanted:
        return AssetStatus.READY
    if any(take.unresolved for take in takes):
        return AssetStatus.UNRESOLVED
    if any(take.in_flight for take in takes):
        return AssetStatus.IN_PROGRESS
    return AssetStatus.PARTIAL if usable else AssetStatus.FAILED
