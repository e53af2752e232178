"""The plan: changes for the reader, and the actions that carry them out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from mpsjobs.model.asset import Asset
from mpsjobs.model.change import Action, Change, Kind, Plan, Record, Resume, Retire, Risk, Submit
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.state import AssetRecord, State
from mpsjobs.plan.diff import Known, Ledger, Terms, Wanted, change_of, find_moves, name_sound


def build(
    desired: Sequence[Asset], state: State, terms: Terms, diagnostics: Iterable[Diagnostic] = ()
) -> Plan:
    """Compare what is wanted with what has been done.

    Deterministic: the same input gives the same plan. `desired` has unique addresses. Reads `state`, never changes it.
    """
    wanted = {asset.address: name_sound(asset) for asset in sorted(desired, key=lambda asset: asset.address)}
    moves = find_moves(wanted, state, terms.realm)
    ledger = Ledger()
    changes = {
        address: change_of(want, _known(address, state, moves), state, terms, ledger)
        for address, want in wanted.items()
    }
    for address in state.assets.keys() - wanted.keys() - set(moves.values()):
        changes[address] = Change(address, Kind.RETIRE, state.assets[address].fingerprint)
    resumes = tuple(_resumes(state, terms.realm))
    _mention(resumes, changes, wanted)
    ordered = tuple(changes[address] for address in sorted(changes))
    return Plan(
        realm=terms.realm,
        lineage=state.lineage,
        serial=state.serial,
        changes=ordered,
        actions=(*resumes, *_steps(ordered, wanted, state, terms)),
        risks=tuple(_risks(ordered, wanted, state, terms.realm)),
        diagnostics=(*diagnostics, *_breaches(ordered, terms)),
    )


def _breaches(changes: Iterable[Change], terms: Terms) -> Iterator[Diagnostic]:
    generations = sum(change.generations for change in changes)
    if terms.max_generations is not None and generations > terms.max_generations:
        yield Diagnostic(
            f"This plan pays for {generations} generations; the policy allows {terms.max_generations} in one apply.",
            hint=f"If that is wanted: mpsjobs apply --max-generations {generations}, or raise policy.max_generations_per_apply.",
        )


def _known(address: str, state: State, moves: Mapping[str, str]) -> Known:
    moved_from = moves.get(address)
    return Known(state.assets.get(moved_from or address), moved_from)


def _resumes(state: State, realm: str) -> Iterator[Resume]:
    """Everything still running in this realm is paid for and is collected, wanted or not."""
    for fingerprint, take in state.takes():
        if take.realm == realm and take.in_flight:
            yield Resume(take.address, fingerprint, take.attempt_id)


def _mention(resumes: Iterable[Resume], changes: dict[str, Change], wanted: Mapping[str, Wanted]) -> None:
    """Show a running task that no wanted asset waits for, so that "No changes." is never said while one is collected."""
    waited_for = {want.fingerprint for want in wanted.values()}
    for resume in resumes:
        if resume.fingerprint in waited_for:
            continue
        shown = changes.get(resume.address)
        message = "an earlier request is still running; its take is kept"
        if shown is None:
            changes[resume.address] = Change(resume.address, Kind.RESUME, resume.fingerprint, message=message)
        elif shown.kind is Kind.KEEP:
            changes[resume.address] = replace(shown, kind=Kind.RESUME, message=message)


def _steps(
    changes: Iterable[Change], wanted: Mapping[str, Wanted], state: State, terms: Terms
) -> Iterator[Action]:
    bought: Counter[str] = Counter()
    for change in changes:
        want = wanted.get(change.address)
        if want is None:
            if change.kind is Kind.RETIRE:
                yield Retire(change.address)
            continue
        songs = terms.songs(want.asset.sound)
        for _ in range(change.generations // songs):
            number = state.pool(want.fingerprint).next_number + bought[want.fingerprint]
            bought[want.fingerprint] += 1
            yield Submit(want.asset, want.fingerprint, want.fields, number, songs)
        if _must_record(state.assets.get(change.address), want, terms.realm):
            yield Record(
                change.address, want.fingerprint, want.asset.takes, want.asset.pick, change.moved_from
            )


def _must_record(record: AssetRecord | None, want: Wanted, realm: str) -> bool:
    return record is None or (record.fingerprint, record.realm, record.takes, record.pick) != (
        want.fingerprint,
        realm,
        want.asset.takes,
        want.asset.pick,
    )


def _risks(
    changes: Iterable[Change], wanted: Mapping[str, Wanted], state: State, realm: str
) -> Iterator[Risk]:
    for change in changes:
        if change.kind in {Kind.UNRESOLVED, Kind.FAILED}:
            yield Risk(change.address, change.message or change.kind)
        want = wanted.get(change.address)
        if want is None or want.asset.pick is None or change.generations:
            continue
        if not any(
            take.usable and take.take == want.asset.pick
            for take in state.pool(want.fingerprint).of_realm(realm)
        ):
            yield Risk(
                change.address, f"there is no take {want.asset.pick} to pick; the first good take is used"
            )
