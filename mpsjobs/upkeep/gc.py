"""Taking away what nobody uses: which takes may go, and why all others stay."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from mpsjobs._version import __version__
from mpsjobs.apply.deletion import Deletion, Doomed, delete_takes, unfinished
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.change import Kind, Plan
from mpsjobs.model.settings import Settings
from mpsjobs.model.state import State, Take, TakeStatus, adopted_drafts, chosen_take
from mpsjobs.project import Options, Project
from mpsjobs.spec.load import Loaded
from mpsjobs.spec.settings import load_settings
from mpsjobs.state.backend import StateBackend
from mpsjobs.state.file_store import FileStateStore
from mpsjobs.state.identity import timestamp
from mpsjobs.upkeep.operation import Operation, operation
from mpsjobs.wiring import Connections


@dataclass(frozen=True, slots=True)
class Garbage:
    """What may go: takes of retired assets, and what an earlier deletion left in the store."""

    takes: tuple[Doomed, ...]
    left: tuple[Doomed, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.takes or self.left)

    @property
    def size(self) -> int:
        """Bytes in the store."""
        return sum(each.size for each in self.takes + self.left)


@dataclass(frozen=True, slots=True)
class Collected:
    """What was found; and what was deleted, None where nobody said yes or it was a dry run."""

    garbage: Garbage
    deletion: Deletion | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Which takes may go: those of assets that were retired so many seconds ago; `rejected`: also rejected and late ones.

    With `drafts` instead those that were bought so long ago to be listened to, and that nobody adopted.
    """

    older_than_s: float
    rejected: bool = False
    drafts: bool = False


def collect_garbage(
    project: Project,
    rule: Rule,
    *,
    approve: Callable[[Garbage], bool],
    report: Callable[[Doomed], None] = lambda _: None,
    lock_timeout_s: float = 0,
) -> Collected:
    """Delete what `find_garbage` finds, if `approve` says yes, which is asked under the lock.

    Raises:
        SpecError, StateError, LockHeldError: see `Project.apply`. Nothing was deleted.
        StateError: in the middle of it: nothing is deleted that the state does not say is deleted.
    """
    others, loaded = other_states(project), project.load()
    with operation(project, "gc", lock_timeout_s=lock_timeout_s) as held:
        garbage = find_garbage(project, held.state, loaded, others, rule)
        if garbage.empty or not approve(garbage):
            return Collected(garbage, None)
        held.session.append([held.begin()])
        deletion = erase(project, held, garbage, report)
        held.session.append([held.end(1 if deletion.failed else 0)])
        return Collected(garbage, deletion)


def find_garbage(
    project: Project, state: State, loaded: Loaded, others: Iterable[State], rule: Rule
) -> Garbage:
    """Takes that only assets used which are retired, or drafts that nobody adopted.

    Never those of a sound that an asset of the state or of the specs has (of drafts: that it needs), nor what the state of another environment refers to, nor what
    a take in use was made from, nor anything in flight.
    """
    plan = project.plan_for(loaded, state, Options())
    kept = {change.fingerprint for change in plan.changes if change.kind is not Kind.RETIRE}
    kept |= {record.fingerprint for record in state.assets.values()}
    realm = project.settings.provider.realm
    before = SystemClock().utc() - timedelta(seconds=rule.older_than_s)
    if rule.drafts:
        return Garbage(
            tuple(_drafts(plan, loaded, state, used_objects(others) | _used_inputs(state), before))
        )
    retired = _retired_before(state, before)
    takes = tuple(
        each
        for each in deletable(state, realm, used_objects(others) | _used_inputs(state), kept=kept)
        if each.fingerprint in retired and (rule.rejected or not (each.take.rejected or each.take.late))
    )
    return Garbage(takes, tuple(unfinished(state, realm)))


def _drafts(
    plan: Plan, loaded: Loaded, state: State, used: set[tuple[str, str]], before: datetime
) -> Iterator[Doomed]:
    """Drafts that were bought before this moment, and that no asset of the state or of the specs would make its own."""
    sounds = {change.address: change.fingerprint for change in plan.changes}
    decided = {each.fingerprint: each.take for each in loaded.statements.decisions.values()}
    users = [(record.fingerprint, record.takes, record.pick) for record in state.assets.values()]
    users += [
        (sound, asset.takes, asset.pick or decided.get(sound))
        for asset in loaded.assets
        if (sound := sounds.get(asset.address))
    ]
    needed = {
        take.attempt_id
        for fingerprint, takes, pick in users
        for take in adopted_drafts(state.pool(fingerprint), plan.realm, takes, pick)
    }
    limit = timestamp(before)
    for each in deletable(state, plan.realm, used, kept=()):
        take = each.take
        if take.draft and take.attempt_id not in needed and (take.finished_at or take.intended_at) < limit:
            yield each


def erase(project: Project, held: Operation, garbage: Garbage, report: Callable[[Doomed], None]) -> Deletion:
    """Delete it all. See `delete_takes` for what it guarantees and raises."""
    return delete_takes(
        held.session,
        project.connections.objects,
        project.settings.owner,
        garbage.takes + garbage.left,
        held.now,
        report,
    )


def other_states(project: Project) -> tuple[State, ...]:
    """The states of the project's other environments, and any that lie beside its own: one that cannot be read is an error.

    Raises:
        SpecError: the settings of an environment hold mistakes.
        StateError: one of the states cannot be trusted, so nobody knows what it refers to.
    """
    root, own = project.root, project.settings.state
    others = {
        settings.state.place: settings
        for name in (None, *project.settings.environments)
        if (settings := load_settings(root, name)[0]).state.place != own.place
    }
    files = {(root / each.state.path).resolve() for each in others.values() if each.state.backend == "file"}
    ours = (root / own.path).resolve()
    files |= {path.resolve() for folder in (root, ours.parent) for path in folder.glob("mpsjobs*.state.json")}
    if own.backend == "file":
        files.discard(ours)
    stores: list[StateBackend] = [
        FileStateStore(path, clock=SystemClock(), version=__version__) for path in sorted(files)
    ]
    stores += [_in_bucket(project, each) for each in others.values() if each.state.backend != "file"]
    return tuple(store.read() for store in stores)


def _in_bucket(project: Project, settings: Settings) -> StateBackend:
    return Connections(project.root, settings, project.catalogue, SystemClock()).shared_state()


def _retired_before(state: State, moment: datetime) -> set[str]:
    """The fingerprints of retired assets, the last of which was retired before this moment."""
    last: dict[str, str] = {}
    for record in state.retired.values():
        last[record.fingerprint] = max(record.retired_at, last.get(record.fingerprint, ""))
    limit = timestamp(moment)
    return {fingerprint for fingerprint, at in last.items() if at < limit}


def used_objects(states: Iterable[State]) -> set[tuple[str, str]]:
    """Bucket and key of everything that these states have takes in."""
    return {
        (output.bucket, output.key)
        for state in states
        for _, take in state.takes()
        if take.there
        for output in take.outputs
    }


def _used_inputs(state: State) -> set[tuple[str, str]]:
    """Bucket and key of what the takes in use were made from."""
    return {
        (output.bucket, output.key)
        for record in state.assets.values()
        if (used := chosen_take(state.pool(record.fingerprint), record.realm, record.pick))
        for each in used.inputs
        for take in state.pool(each.fingerprint).takes
        if take.take == each.take
        for output in take.outputs
    }


def deletable(
    state: State, realm: str, used: set[tuple[str, str]], *, kept: Collection[str | None]
) -> Iterator[Doomed]:
    """Takes of this realm that are there, but for those of sounds that are `kept`, and of `used` objects; by address and number."""
    found = [
        Doomed(fingerprint, take)
        for fingerprint, take in state.takes()
        if fingerprint not in kept and take.realm == realm and take.there and not _used(take, used)
    ]
    return iter(sorted(found, key=lambda each: (each.take.address, each.fingerprint, each.take.take)))


def _used(take: Take, used: set[tuple[str, str]]) -> bool:
    return any((output.bucket, output.key) in used for output in take.outputs)


def in_flight(state: State, realm: str) -> int:
    """How many tasks are, or may be, on their way: what they write is paid for and comes to the store later."""
    on_the_way = {TakeStatus.SUBMITTED, TakeStatus.UNKNOWN, TakeStatus.INTENDED}
    return sum(take.realm == realm and take.status in on_the_way for _, take in state.takes())
