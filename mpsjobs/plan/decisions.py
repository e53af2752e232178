"""Decisions about takes, as a plan obeys them: which take is picked, which ones count no more, and what is protected.

A decision is about recordings, not about numbers: it holds for the sound and, where it has a SHA-256, for the very file that somebody
listened to. Where these are not there (the sound has changed, another environment has takes of its own) it does not hold, and the plan
says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mpsjobs.model.asset import Json
from mpsjobs.model.change import Change, Kind, Reason, Reject, Risk
from mpsjobs.model.codes import Code
from mpsjobs.model.decisions import Decision, is_audio_of
from mpsjobs.model.diagnostics import Diagnostic, Related, Severity
from mpsjobs.model.state import State, Take
from mpsjobs.plan.moves import Moves
from mpsjobs.plan.removal import NOT_HEARD
from mpsjobs.plan.terms import Terms
from mpsjobs.plan.wanted import Wanted

MOST_TOLD = 5
"""So many decisions of one kind are told of one by one."""
MOST_NAMES = 20


@dataclass(slots=True)
class Ruling:
    """What decisions mean for one plan.

    `state` is what is there with the rejections that are not recorded yet; `rejects` are these.
    """

    decisions: Mapping[str, Decision]
    state: State
    terms: Terms
    rejects: list[Reject] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    _of: Mapping[str, Decision] = field(default_factory=dict)
    _before: State = field(init=False)

    def __post_init__(self) -> None:
        self._before = self.state
        for fingerprint, decisions in _by_sound(self.decisions.values()).items():
            self._mark(
                Reject(fingerprint, take.take, take.attempt_id)
                for take in self.state.pool(fingerprint).of_realm(self.terms.realm)
                if take.there and not take.rejected and any(each.rejects(take) for each in decisions)
            )

    def settle(self, wanted: Mapping[str, Wanted], moves: Moves) -> dict[str, Wanted]:
        """What is wanted, with the picks that hold. Rejections that were taken back count no more from now on.

        What has another address now goes on with the decision of before, as it does with its record.
        """
        self._of = {
            address: decision
            for address in wanted
            if (decision := self._decision(address, moves)) is not None
        }
        self._take_back(wanted)
        picks = {address: self._pick(wanted[address], decision) for address, decision in self._of.items()}
        found = {
            address: replace(want, asset=replace(want.asset, pick=picks[address]))
            if address in picks and picks[address] != want.asset.pick
            else want
            for address, want in wanted.items()
        }
        self._tell(wanted, picks, moves)
        changed = {address for address, want in found.items() if want is not wanted[address]}
        return {address: _with_picks(want, found, changed) for address, want in found.items()}

    def shown(self, change: Change) -> Change:
        """The change, with the rejections that it brings about: what changes in nothing else is updated by them, for free."""
        numbers = [each.take for each in self.rejects if each.fingerprint == change.fingerprint]
        if not numbers or change.kind is Kind.RETIRE:
            return change
        before, after = (self._rejected(state, change.fingerprint) for state in (self._before, self.state))
        return replace(
            change,
            kind=Kind.UPDATE if change.kind is Kind.KEEP else change.kind,
            reasons=(*change.reasons, Reason("rejected", before, after)),
        )

    def forbidden(self, changes: Iterable[Change], wanted: Mapping[str, Wanted]) -> Iterator[Diagnostic]:
        """Errors for approved sounds that would be bought anew, or replaced, without a yes to just that."""
        lost = [
            change
            for change in changes
            if change.kind is Kind.REGENERATE
            and self._gives_way(change)
            and not self.terms.selection.may_regenerate(change.address)
        ]
        for change in lost[:MOST_NAMES]:
            decision, asset = self._of[change.address], wanted[change.address].asset
            fields = ", ".join(
                each.path for each in change.reasons if each.path.split(".")[0] not in NOT_HEARD
            )
            yield Diagnostic(
                f"{change.address} is approved, and would be regenerated",
                f"Take {decision.take} is approved. What is heard has changed: {fields}."
                if fields
                else f"Take {decision.take} is approved, and new takes were asked for in place of those that are there.",
                f"Take the change back; or say yes to it with --allow-regenerate {change.address}, or: "
                f"mpsjobs approve --undo {change.address}",
                position=decision.at,
                related=(Related(asset.source or asset.origin, "this asset"),),
                code=Code.MUST_NOT_REPLACE_APPROVED,
            )
        if len(lost) > MOST_NAMES:
            yield Diagnostic(
                f"{len(lost) - MOST_NAMES:,} more approved assets would be regenerated",
                hint="Say yes to all of them with --allow-regenerate and a glob.",
                code=Code.MUST_NOT_REPLACE_APPROVED,
            )

    def risks(self, changes: Iterable[Change]) -> Iterator[Risk]:
        """Approved sounds that give way for free."""
        for change in changes:
            if change.kind is Kind.RESTORE and self._gives_way(change):
                yield Risk(
                    change.address, f"take {self._of[change.address].take} of another sound was approved"
                )

    def _gives_way(self, change: Change) -> bool:
        """Whether an approved sound is recorded for the address, or wanted, whose takes are to be replaced."""
        decision = self._of.get(change.address)
        if decision is None or not decision.approved:
            return False
        record = self.state.assets.get(change.moved_from or change.address)
        recorded = record is not None and record.fingerprint == decision.fingerprint
        return recorded and (change.kind is Kind.REGENERATE or change.fingerprint != decision.fingerprint)

    def _decision(self, address: str, moves: Moves) -> Decision | None:
        found = self.decisions.get(address)
        return found or self.decisions.get(moves.old_of.get(address, address))

    def _pick(self, want: Wanted, decision: Decision) -> int | None:
        if decision.take is None or decision.fingerprint != want.fingerprint or not self._is_there(decision):
            return want.asset.pick
        return decision.take

    def _is_there(self, decision: Decision) -> bool:
        """Whether the picked recording is here, or is copied from another environment."""
        pools = (self.state, *(source.state for source in self.terms.sources))
        for state in pools:
            for take in state.pool(decision.fingerprint).takes:
                if take.take == decision.take:
                    is_it = take.realm == self.terms.realm and is_audio_of(take, decision.sha256)
                    return take.there and is_it
        return False

    def _take_back(self, wanted: Mapping[str, Wanted]) -> None:
        """Rejections that nobody holds up any more, of sounds that are wanted; unless what was decided is about another sound by now."""
        if not any(take.declined for _, take in self._before.takes()):
            return
        holding = _by_sound(self.decisions.values())
        users: dict[str, list[str]] = {}
        for address, want in wanted.items():
            users.setdefault(want.fingerprint, []).append(address)
        for fingerprint, addresses in users.items():
            if any(
                address in self._of and self._of[address].fingerprint != fingerprint for address in addresses
            ):
                continue
            self._mark(
                Reject(fingerprint, take.take, take.attempt_id, rejected=False)
                for take in self._before.pool(fingerprint).of_realm(self.terms.realm)
                if take.there
                and take.declined
                and not any(each.rejects(take) for each in holding.get(fingerprint, ()))
            )

    def _mark(self, rejects: Iterable[Reject]) -> None:
        """Note rejections of one sound, and count its takes accordingly."""
        found = {each.attempt_id: each for each in rejects}
        if not found:
            return
        self.rejects += found.values()
        if self.state is self._before:
            self.state = replace(self._before, pools=dict(self._before.pools))
        fingerprint = next(iter(found.values())).fingerprint
        pool = self.state.pool(fingerprint)
        takes = tuple(
            replace(take, rejected=found[take.attempt_id].rejected) if take.attempt_id in found else take
            for take in pool.takes
        )
        self.state.pools[fingerprint] = replace(pool, takes=takes)

    def _rejected(self, state: State, fingerprint: str | None) -> Json:
        takes: Iterable[Take] = state.pool(fingerprint or "").of_realm(self.terms.realm)
        found: list[Json] = [take.take for take in takes if take.rejected]
        return found or None

    def _tell(self, wanted: Mapping[str, Wanted], picks: Mapping[str, int | None], moves: Moves) -> None:
        other = [
            address for address, each in self._of.items() if each.fingerprint != wanted[address].fingerprint
        ]
        elsewhere = [
            address
            for address, decision in self._of.items()
            if address not in other and decision.take is not None and picks[address] != decision.take
        ]
        self.diagnostics += self._notices(
            other,
            Code.DECIDED_FOR_ANOTHER_SOUND,
            "What was decided about {name} was about another sound",
            "The asset has changed since then, so the line chooses no take now.",
            "Listen, and decide anew: mpsjobs pick {name} NUMBER",
        )
        self.diagnostics += self._notices(
            elsewhere,
            Code.DECIDED_ELSEWHERE,
            "The take that was picked for {name} is not here",
            "Take {take} is not there, or is another recording than the one that was picked. The first good take is used.",
            "Copy it from where it was picked (`reuse_from`), or pick one that is here: mpsjobs pick {name} NUMBER",
        )
        for address in self._of:
            if address not in self.decisions:
                old = moves.old_of[address]
                self.diagnostics.append(
                    Diagnostic(
                        f"What was decided about {old} goes on as {address}",
                        "The asset has another address now.",
                        f"Write `{address}` in this line; once the rename is applied, it means nothing otherwise.",
                        Severity.NOTICE,
                        self._of[address].at,
                        code=Code.DECIDED_FOR_NOBODY,
                    )
                )

    def _notices(
        self, addresses: list[str], code: Code, summary: str, detail: str, hint: str
    ) -> Iterator[Diagnostic]:
        for address in addresses[:MOST_TOLD]:
            decision = self._of[address]
            yield Diagnostic(
                summary.format(name=address),
                detail.format(take=decision.take),
                hint.format(name=address),
                Severity.NOTICE,
                decision.at,
                code=code,
            )
        rest = addresses[MOST_TOLD:]
        if rest:
            more = f" and {len(rest) - MOST_NAMES:,} more" if len(rest) > MOST_NAMES else ""
            yield Diagnostic(
                f"The same holds for {len(rest):,} more decisions",
                f"They are about {', '.join(rest[:MOST_NAMES])}{more}.",
                severity=Severity.NOTICE,
                code=code,
            )


def _by_sound(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for each in decisions:
        if each.rejected:
            found.setdefault(each.fingerprint, []).append(each)
    return found


def _with_picks(want: Wanted, found: Mapping[str, Wanted], changed: set[str]) -> Wanted:
    """With the picks of the assets that it needs, where these have changed."""
    if changed.isdisjoint(want.asset.requires):
        return want
    return replace(
        want, needs=tuple(replace(need, pick=found[need.address].asset.pick) for need in want.needs)
    )
