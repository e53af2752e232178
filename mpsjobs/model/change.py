"""The difference between what is wanted and what has been done, and the steps that close it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from mpsjobs.model.asset import Asset, Json, PublishWhen, StoreTarget
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.expectations import Expectations
from mpsjobs.model.lifecycle import OnRemove
from mpsjobs.model.mastering import Mastering
from mpsjobs.model.money import Cost
from mpsjobs.model.state import Take
from mpsjobs.model.statements import Imported


class Kind(StrEnum):
    """What happens to one address. Only GENERATE and REGENERATE can cost money."""

    GENERATE = "generate"
    REGENERATE = "regenerate"
    RESTORE = "restore"
    UPDATE = "update"
    MOVE = "move"
    RETIRE = "retire"
    RESUME = "resume"
    UNRESOLVED = "unresolved"
    FAILED = "failed"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Reason:
    """One field that differs. `before` or `after` is None where the field is unset."""

    path: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True)
class Change:
    """What is planned for one address. `generations` counts the songs that this change pays for.

    `fields` are the canonical fields of the wanted sound. `message` says in words what the kind leaves open: what the cloud said
    (FAILED), what is unknown (UNRESOLVED), whose takes are shared. `moved_from` is set where a known asset got this name. `depends_on`
    are the addresses that must be there first. `publishes` is the stable key that the change brings a take to. Of one that is retired,
    `on_remove` says what that means, and `deletes` how many takes are deleted. `retakes` are further generations that may be paid for, in place of takes
    that miss what is expected of them. `cost` is None where nothing is paid, or nobody said prices.
    """

    address: str
    kind: Kind
    fingerprint: str | None
    reasons: tuple[Reason, ...] = ()
    generations: int = 0
    fields: Mapping[str, Json] = field(default_factory=dict)
    moved_from: str | None = None
    message: str | None = None
    depends_on: tuple[str, ...] = ()
    publishes: str | None = None
    on_remove: OnRemove | None = None
    deletes: int = 0
    cost: Cost | None = None
    retakes: int = 0


@dataclass(frozen=True, slots=True)
class Need:
    """An asset that must be there first: its sound, and the take of it that is to be used (None: the first good one)."""

    address: str
    fingerprint: str
    pick: int | None


@dataclass(frozen=True, slots=True)
class Risk:
    """Something to look at twice. `address` is `*` where it is about the plan as a whole."""

    address: str
    summary: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An asset that would be bought, `generations` songs of it, and is not; `why`, in words.

    `missing`: it had been paid for and is gone from the store, so that buying it again needs a yes of its own.
    """

    address: str
    generations: int
    why: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Submit:
    """Buy one take, as soon as everything in `needs` is there.

    `generations` is how many songs it is billed as; `replaces` are attempts whose takes it takes the place of.
    """

    asset: Asset
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    generations: int
    replaces: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy the outputs of `origin`, a take of another environment of this realm (None: the base), to a place of their own. Costs nothing.

    `take` is the number here. `preferred`: it is the one that is used there.
    """

    asset: Asset
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    environment: str | None
    origin: Take
    preferred: bool


@dataclass(frozen=True, slots=True)
class Import:
    """Make a task or an object from elsewhere a take. A task is asked for first; an object is copied to a place of its own. Costs nothing."""

    asset: Asset
    fingerprint: str
    fields: Mapping[str, Json]
    take: int
    source: Imported


@dataclass(frozen=True, slots=True)
class Reject:
    """Note that somebody rejected a take, so that it is never used again; or, `rejected` False, that it may be used after all."""

    fingerprint: str
    take: int
    attempt_id: str
    rejected: bool = True


@dataclass(frozen=True, slots=True)
class Resume:
    """Poll and collect a take that an earlier run submitted, for `timeout_s` seconds after its submission (None: as usual)."""

    address: str
    fingerprint: str
    attempt_id: str
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Look for the outputs of an attempt whose answer was lost. Costs nothing; sends nothing."""

    address: str
    fingerprint: str
    attempt_id: str


@dataclass(frozen=True, slots=True)
class Record:
    """Point an address at a fingerprint: at once if a take of it is usable, or as soon as one is.

    Until then the address keeps what it has, so that a failed regeneration never takes away a good take. With `realm` it is of another
    realm than the plan: a record that moves as it is.
    """

    address: str
    fingerprint: str
    takes: int
    pick: int | None
    moved_from: str | None = None
    lifecycle: Mapping[str, Json] = field(default_factory=dict)
    realm: str | None = None


@dataclass(frozen=True, slots=True)
class Retire:
    address: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Remember nothing under this address any more."""

    address: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the outputs of these attempts at the sound of an address for good, then forget the address."""

    address: str
    fingerprint: str
    attempts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Note what a take misses of what is expected now, in words; `unfit`: it is not used by itself. Costs nothing."""

    address: str
    fingerprint: str
    attempt_id: str
    take: int
    misses: tuple[str, ...]
    unfit: bool


@dataclass(frozen=True, slots=True)
class Finish:
    """Make files of the take that an address uses, as soon as the address points at this fingerprint and such a take is there."""

    address: str
    fingerprint: str
    mastering: Mastering


@dataclass(frozen=True, slots=True)
class Publish:
    """Copy the take that an address uses to its stable key, as soon as the address points at this fingerprint and such a take is there.

    `key` is the whole key in `store`, with `${format}` for what the file turns out to be; None: it is published no more. `when` and
    `pick` say which take: see `mpsjobs.plan.publishing`. `master` names the settings of the finished files that are published in its place.
    `passing`: a take that misses what is expected is published only if it is picked.
    """

    address: str
    fingerprint: str
    store: StoreTarget
    key: str | None
    when: PublishWhen | None
    pick: int | None
    master: str | None = None
    passing: bool = False


Action: TypeAlias = (
    Reject
    | Judge
    | Submit
    | Copy
    | Import
    | Resume
    | Reconcile
    | Record
    | Retire
    | Forget
    | Delete
    | Finish
    | Publish
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in reading order, and the very actions that apply executes, in the order in which it starts them.

    `lineage` and `serial` name the state that it was made from, `environment` whose that is (None: the project has no environments).
    `currency` is that of the prices; None: there are none.
    `expected` is what the takes of each sound are judged by when they come.
    `left_out` is what is not bought: beyond a limit, for want of what is excluded, or because nobody allowed to buy once more what is
    missing. A `draft` brings takes, and changes nothing that is in use.
    """

    realm: str
    lineage: str
    serial: int
    changes: tuple[Change, ...]
    actions: tuple[Action, ...]
    risks: tuple[Risk, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    environment: str | None = None
    currency: str | None = None
    left_out: tuple[LeftOut, ...] = ()
    expected: Mapping[str, tuple[Expectations, ...]] = field(default_factory=dict)
    draft: bool = False

    @property
    def cost(self) -> Cost | None:
        """What all of it costs; None where there are no prices."""
        if self.currency is None:
            return None
        return sum((change.cost for change in self.changes if change.cost), Cost(self.currency))

    @property
    def generations(self) -> int:
        return sum(change.generations for change in self.changes)

    @property
    def retakes(self) -> int:
        """Generations that may come on top, in place of takes that miss what is expected."""
        return sum(change.retakes for change in self.changes)

    @property
    def deletes(self) -> int:
        """How many takes are deleted for good."""
        return sum(change.deletes for change in self.changes)

    @property
    def has_changes(self) -> bool:
        """Whether apply has something to do: anything but keep and failed."""
        return any(change.kind not in {Kind.KEEP, Kind.FAILED} for change in self.changes)

    @property
    def missing(self) -> int:
        """How many assets have nothing because their outputs are gone from the store, and are not bought again."""
        return sum(each.missing for each in self.left_out)

    def count(self, kinds: Iterable[Kind]) -> int:
        wanted = frozenset(kinds)
        return sum(change.kind in wanted for change in self.changes)
