"""Verdicts against what is there: each either becomes a decision, or is refused with the reason."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from mpsjobs.deciding.verdict import Verdict
from mpsjobs.model.codes import Code
from mpsjobs.model.decisions import Decision, is_audio_of
from mpsjobs.model.diagnostics import Diagnostic, MpsjobsError
from mpsjobs.model.state import Pool, State, Take, TakeStatus, chosen_take, output_of
from mpsjobs.plan.selection import matches
from mpsjobs.spec.decision_lines import SHORT_SUM
from mpsjobs.spec.suggest import did_you_mean, listed

_WHY_NOT = {
    TakeStatus.INTENDED: "has no answer yet",
    TakeStatus.UNKNOWN: "has no answer yet",
    TakeStatus.SUBMITTED: "is still being made",
    TakeStatus.FAILED: "failed",
    TakeStatus.ABANDONED: "was given up",
    TakeStatus.DELETED: "was deleted",
    TakeStatus.LOST: "is missing in the store",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What verdicts are weighed against: the sound that each address is to have now, by its fingerprint, and the takes of a realm.

    `decisions` are those of before.
    """

    sounds: Mapping[str, str]
    state: State
    realm: str
    decisions: Mapping[str, Decision]
    inline: Mapping[str, int]
    """The picks that stand in specs, by address."""

    def current(self, address: str) -> Decision:
        """What is decided about the sound of now. Rejections of it that only the state remembers are part of it."""
        fingerprint, known = self.sounds[address], self.decisions.get(address)
        if known is not None and known.fingerprint == fingerprint:
            return known
        takes = self.state.pool(fingerprint).of_realm(self.realm)
        return Decision(
            fingerprint, rejected={each.take: _sum(each)[:SHORT_SUM] for each in takes if each.declined}
        )


def weigh(desk: Desk, verdicts: Iterable[Verdict]) -> dict[str, Decision]:
    """The new decisions by address; of several verdicts on one address the later ones come on top.

    Raises:
        MpsjobsError: what cannot be decided, all of it at once.
    """
    problems: list[Diagnostic] = []
    made: dict[str, Decision] = {}
    for verdict in verdicts:
        try:
            for address in _addresses(desk, verdict):
                try:
                    before = made.get(address) or desk.current(address)
                    made[address] = _Case(desk, address, verdict).decision(before)
                except MpsjobsError as error:
                    problems += error.diagnostics
        except MpsjobsError as error:
            problems += error.diagnostics
    if problems:
        raise MpsjobsError(*problems)
    return made


def _addresses(desk: Desk, verdict: Verdict) -> Iterator[str]:
    if verdict.address in desk.sounds:
        yield verdict.address
        return
    found = sorted(each for each in desk.sounds if matches(each, [verdict.address]))
    if not found:
        raise MpsjobsError.of(
            f'Unknown asset "{verdict.address}"',
            detail="No spec has an asset of this address, so there is nothing to decide about.",
            hint=did_you_mean(verdict.address, desk.sounds.keys(), "mpsjobs plan shows the addresses."),
            position=verdict.at,
            code=Code.UNKNOWN_ASSET,
        )
    yield from found


@dataclass(frozen=True, slots=True)
class _Case:
    """One verdict on one address."""

    desk: Desk
    address: str
    verdict: Verdict

    def decision(self, before: Decision) -> Decision:
        """Raises MpsjobsError: see `weigh`."""
        if self._only_takes_approval_back and (known := self.desk.decisions.get(self.address)):
            return replace(known, approved=False)
        verdict, after = self.verdict, before
        if verdict.fingerprint is not None and verdict.fingerprint != before.fingerprint:
            raise self.refused(
                f"{self.address} has another sound now",
                "What was listened to is not what its spec asks for any more.",
                "Listen to what is there now, and decide again.",
            )
        for number in verdict.take_back:
            after = self._taken_back(after, number)
        for number, sha256 in verdict.reject.items():
            after = self._rejecting(after, number, sha256)
        if verdict.pick is not None:
            after = self._picking(after, verdict.pick)
        if verdict.approved is not None:
            after = self._approving(after) if verdict.approved else replace(after, approved=False)
        return after

    @property
    def _only_takes_approval_back(self) -> bool:
        """What can be said of a sound that the asset had before, too."""
        verdict = self.verdict
        nothing_else = verdict.pick is None and not (verdict.reject or verdict.take_back)
        return verdict.approved is False and verdict.fingerprint is None and nothing_else

    def _picking(self, before: Decision, number: int) -> Decision:
        if number == 0:
            if self.address in self.desk.inline:
                raise self.refused(
                    f"The pick of {self.address} stands in its spec",
                    f"It is written there as `pick: {self.desk.inline[self.address]}`.",
                    "Remove it there.",
                )
            return replace(before, take=None, sha256=None, approved=False)
        take = self._take(number, self.verdict.sha256)
        if before.rejects(take):
            raise self.refused(
                f"Take {number} of {self.address} is rejected",
                "What is rejected is never used again.",
                f"If it is to be used after all: mpsjobs reject --undo {self.address} {number}",
            )
        if take.rejected and not take.declined:
            raise self.refused(
                f"Take {number} of {self.address} is used no more",
                "Another take was bought in its place (--replace).",
                f"Pick one of those that are left: {self._usable(before)}.",
            )
        same = before.take == number and is_audio_of(take, before.sha256)
        return replace(before, take=number, sha256=_sum(take), approved=before.approved and same)

    def _rejecting(self, before: Decision, number: int, sha256: str | None) -> Decision:
        take = self._take(number, sha256)
        if before.approved and before.take == number:
            raise self.refused(
                f"Take {number} of {self.address} is approved",
                "It cannot be rejected at the same time.",
                f"Take the approval back first: mpsjobs approve --undo {self.address}",
            )
        after = replace(before, rejected={**before.rejected, number: _sum(take)[:SHORT_SUM]})
        return replace(after, take=None, sha256=None) if before.take == number else after

    def _taken_back(self, before: Decision, number: int) -> Decision:
        if number not in before.rejected:
            raise self.refused(
                f"Take {number} of {self.address} was not rejected by anybody",
                f"Rejected are: {listed(map(str, sorted(before.rejected)))}.",
                "There is nothing to take back.",
            )
        left = {each: sha256 for each, sha256 in before.rejected.items() if each != number}
        return replace(before, rejected=left)

    def _approving(self, before: Decision) -> Decision:
        if before.take is not None:
            return replace(self._picking_again(before), approved=True)
        number = self.desk.inline.get(self.address)
        take = chosen_take(self._pool(before), self.desk.realm, number)
        if take is None:
            raise self.refused(
                f"{self.address} has no take to approve",
                "Nothing of the sound that its spec asks for is there yet.",
                "Generate it first: mpsjobs apply",
            )
        return replace(before, take=take.take, sha256=_sum(take), approved=True)

    def _picking_again(self, before: Decision) -> Decision:
        take = self._take(before.take or 0, before.sha256)
        return replace(before, sha256=_sum(take))

    def _take(self, number: int, sha256: str | None) -> Take:
        """The take of this number, which is there and is the one that was heard."""
        pool = self.desk.state.pool(self.desk.sounds[self.address])
        takes = pool.of_realm(self.desk.realm)
        take = next((each for each in takes if each.take == number), None)
        if take is None:
            there = [str(each.take) for each in takes if each.there]
            raise self.refused(
                f"{self.address} has no take {number}",
                f"Of the sound that its spec asks for there are: {listed(there)}."
                if there
                else "Nothing of the sound that its spec asks for is there yet.",
                "Choose one of these." if there else "Generate it first: mpsjobs apply",
            )
        if not take.there:
            raise self.refused(
                f"Take {number} of {self.address} {_WHY_NOT.get(take.status, 'has no audio')}",
                "Nobody can have listened to it.",
                "See what is there: mpsjobs show " + self.address,
            )
        if not is_audio_of(take, sha256):
            raise self.refused(
                f"Take {number} of {self.address} is another recording",
                "Its SHA-256 is not that of the one that was listened to.",
                "Listen to what is there now, and decide again.",
            )
        return take

    def _pool(self, before: Decision) -> Pool:
        """The takes as they count after this decision."""
        pool = self.desk.state.pool(before.fingerprint)
        takes = tuple(
            replace(each, rejected=before.rejects(each) or (each.rejected and not each.declined))
            for each in pool.takes
        )
        return replace(pool, takes=takes)

    def _usable(self, before: Decision) -> str:
        takes = self._pool(before).of_realm(self.desk.realm)
        return listed(str(each.take) for each in takes if each.usable)

    def refused(self, summary: str, detail: str, hint: str) -> MpsjobsError:
        return MpsjobsError.of(
            summary, detail=detail, hint=hint, position=self.verdict.at, code=Code.CANNOT_DECIDE
        )


def _sum(take: Take) -> str:
    return output_of(take.outputs, video=False).sha256
