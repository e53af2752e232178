"""What the page shows, as one JSON document: each asset with its change, and the takes of the sound that it had and of the one wanted.

Pure. The schema is `mpsjobs schema review`. Texts stand in it as they were written: whoever shows them takes care of markup and of
characters that turn others around.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Final, Literal, TypeAlias

from mpsjobs.model.asset import Asset, Json, masked
from mpsjobs.model.change import Change, Kind, Plan, Reason
from mpsjobs.model.decisions import Decision, is_audio_of
from mpsjobs.model.expectations import NOTHING, Expectations, verdict
from mpsjobs.model.mastering import Mastering
from mpsjobs.model.measures import Measured
from mpsjobs.model.state import AssetRecord, Output, Pool, State, Take, chosen_take, output_of
from mpsjobs.plan.document import cost_document
from mpsjobs.plan.word_diff import Side, word_diff

FORMAT_VERSION: Final = 1
BARS: Final = 200
"""So many bars make a waveform on the page."""

Where: TypeAlias = Literal["served", "exported"]
_HEIGHTS: Final = bytes(min(127, byte, 256 - byte) for byte in range(256))
"""How far each signed byte is from zero."""

_SIDES = {Side.BOTH: "both", Side.OLD: "old", Side.NEW: "new"}


@dataclass(frozen=True)
class Subject:
    """What a document is about. `known` tells what was measured of a file on this machine, by its SHA-256."""

    project: str
    plan: Plan
    assets: Mapping[str, Asset]
    state: State
    known: Callable[[str], Measured | None] = lambda _: None
    decisions: Mapping[str, Decision] = field(default_factory=dict)

    def decision(self, change: Change) -> Decision | None:
        """What is decided about the sound that is wanted of an asset; it goes along when the asset moves."""
        found = self._said(change)
        return found if found and found.fingerprint == change.fingerprint else None

    def outdated(self, change: Change) -> Decision | None:
        """What was decided about another sound of the asset, and means nothing for the one that is wanted."""
        found = self._said(change)
        return found if found and change.fingerprint and found.fingerprint != change.fingerprint else None

    def _said(self, change: Change) -> Decision | None:
        return self.decisions.get(change.address) or self.decisions.get(change.moved_from or "")

    @cached_property
    def rejections(self) -> Mapping[str, tuple[Decision, ...]]:
        """By the sound that they are about: whoever uses it, a rejected take is used by none."""
        found: dict[str, tuple[Decision, ...]] = {}
        for decision in self.decisions.values():
            if decision.rejected:
                found[decision.fingerprint] = (*found.get(decision.fingerprint, ()), decision)
        return found

    @cached_property
    def expected(self) -> Mapping[str, tuple[Expectations, ...]]:
        """By sound: what those who use it expect of its takes."""
        found: dict[str, tuple[Expectations, ...]] = {}
        for change in self.plan.changes:
            asset = self.assets.get(change.address)
            if asset and change.fingerprint and asset.expect is not NOTHING:
                found[change.fingerprint] = (*found.get(change.fingerprint, ()), asset.expect)
        return found

    def judged(self, fingerprint: str, take: Take) -> Take:
        """A take of a wanted sound as decisions and expectations have it now, whether the state knows it already or not."""
        against = any(each.rejects(take) for each in self.rejections.get(fingerprint, ()))
        found = verdict(self.expected.get(fingerprint, ()), take.outputs)
        rejected = (take.rejected and not take.declined) or against
        return replace(take, rejected=rejected, misses=found.misses, unfit=found.unfit)


def review_document(
    subject: Subject, where: Where, *, only_changed: bool = False, diff: str = ""
) -> dict[str, Json]:
    """`diff` is what was decided on the page so far, as it stands in files. Stable within a `format_version`: keys are added, never renamed or removed. `cost` is null where there are no prices."""
    plan = subject.plan
    shown = [change for change in plan.changes if not only_changed or change.kind is not Kind.KEEP]
    return {
        "format_version": FORMAT_VERSION,
        "where": where,
        "project": subject.project,
        "environment": plan.environment,
        "realm": plan.realm,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "only_changed": only_changed,
        "summary": summary_document(plan),
        "diff": diff,
        "assets": [asset_document(subject, change) for change in shown],
    }


def summary_document(plan: Plan) -> dict[str, Json]:
    """What the plan does and costs, in figures."""
    return {
        **{str(kind): plan.count([kind]) for kind in Kind},
        "generations": plan.generations,
        "cost": cost_document(plan.cost),
    }


def outputs_of(subject: Subject, *, only_changed: bool = False) -> dict[str, Output]:
    """The files that the document refers to, by the name that it gives them. What is equal byte for byte is one file."""
    found: dict[str, Output] = {}
    for change in subject.plan.changes:
        if only_changed and change.kind is Kind.KEEP:
            continue
        for pool, realm, mastering in _sounds(subject, change):
            for take in pool.of_realm(realm):
                if take.there:
                    files = (*take.outputs, *_finished(take, mastering))
                    found |= {audio_name(output): output for output in files}
    return found


def audio_name(output: Output) -> str:
    """What a file is called on the page: by its content, so that no text of anybody is part of a path."""
    known = output.format.isascii() and output.format.isalnum() and len(output.format) <= 8
    return f"{output.sha256}.{output.format.lower() if known else 'bin'}"


def _sounds(subject: Subject, change: Change) -> Iterable[tuple[Pool, str, Mastering | None]]:
    """The sound that is wanted and the one that the asset has: its takes, where they come from, and how they are finished."""
    record, asset = _record(subject, change), subject.assets.get(change.address)
    if change.fingerprint:
        yield subject.state.pool(change.fingerprint), subject.plan.realm, asset.master if asset else None
    if record:
        yield subject.state.pool(record.fingerprint), record.realm, record.mastering


def _finished(take: Take, mastering: Mastering | None) -> tuple[Output, ...]:
    return (take.finished(mastering.name) if mastering else None) or ()


def _record(subject: Subject, change: Change) -> AssetRecord | None:
    assets = subject.state.assets
    return assets.get(change.address) or assets.get(change.moved_from or "")


def asset_document(subject: Subject, change: Change) -> dict[str, Json]:
    """One asset of the document."""
    asset, record, decision = (
        subject.assets.get(change.address),
        _record(subject, change),
        subject.decision(change),
    )
    origin, source = (asset.origin, asset.source) if asset else (None, None)
    new, outdated = _new(subject, change, asset, decision), subject.outdated(change)
    return {
        "address": change.address,
        "kind": str(change.kind),
        "file": origin.file if origin else None,
        "line": origin.line if origin else None,
        "row": f"{source.file}:{source.line}" if source else None,
        "tags": [*asset.tags] if asset else [],
        "description": asset.description if asset else None,
        "message": change.message,
        "moved_from": change.moved_from,
        "generations": change.generations,
        "cost": cost_document(change.cost),
        "reasons": [_reason(reason) for reason in change.reasons],
        "fields": masked(dict(change.fields)),
        "publishes": change.publishes,
        "takes": asset.takes if asset else 0,
        "expects": [*asset.expect.described()] if asset else [],
        "approved": decision is not None and decision.approved,
        "outdated": {"take": outdated.take, "approved": outdated.approved} if outdated else None,
        "master": asset.master.recorded or None if asset else None,
        "new": new,
        "old": _old(subject, change, record),
    }


def _new(subject: Subject, change: Change, asset: Asset | None, decision: Decision | None) -> Json:
    """The sound that is wanted, as decisions have it; None for an asset that nobody wants any more."""
    if asset is None or change.fingerprint is None:
        return None
    pool = subject.state.pool(change.fingerprint)
    takes = tuple(subject.judged(change.fingerprint, take) for take in pool.takes)
    pick = asset.pick
    if (
        decision
        and decision.take
        and any(take.take == decision.take and is_audio_of(take, decision.sha256) for take in takes)
    ):
        pick = decision.take
    sound = replace(pool, takes=takes)
    return _sound(subject, change.fingerprint, sound, subject.plan.realm, pick, asset.master)


def _old(subject: Subject, change: Change, record: AssetRecord | None) -> Json:
    """The sound that the asset has, where that is another one."""
    plan = subject.plan
    if record is None or (
        change.kind is not Kind.RETIRE
        and (record.fingerprint, record.realm) == (change.fingerprint, plan.realm)
    ):
        return None
    return _sound(
        subject,
        record.fingerprint,
        subject.state.pool(record.fingerprint),
        record.realm,
        record.pick,
        record.mastering,
    )


def _sound(
    subject: Subject,
    fingerprint: str,
    pool: Pool,
    realm: str,
    pick: int | None,
    mastering: Mastering | None,
) -> Json:
    used = chosen_take(pool, realm, pick)
    return {
        "fingerprint": fingerprint,
        "fields": masked(dict(pool.fields)),
        "pick": pick,
        "takes": [
            _take(subject, take, mastering, used=take is used, picked=take.take == pick)
            for take in pool.of_realm(realm)
        ],
    }


def _take(subject: Subject, take: Take, mastering: Mastering | None, *, used: bool, picked: bool) -> Json:
    finished = _finished(take, mastering) if take.there else ()
    return {
        "take": take.take,
        "status": str(take.status),
        "used": used,
        "picked": picked,
        "rejected": take.rejected,
        "misses": [*take.misses],
        "unfit": take.unfit,
        "late": take.late,
        "imported": take.imported,
        "environment": take.origin_environment,
        "task_id": take.task_id,
        "request_id": take.request_id,
        "submitted_at": take.submitted_at,
        "finished_at": take.finished_at,
        "message": take.message,
        "sha256": output_of(take.outputs, video=False).sha256 if take.outputs else None,
        "inputs": [{"asset": each.asset, "take": each.take} for each in take.inputs],
        "outputs": [_output(subject, output) for output in take.outputs] if take.there else [],
        "draft": take.draft,
        "draft_commit": take.draft_commit,
        "finished": [_output(subject, output) for output in finished],
    }


def _output(subject: Subject, output: Output) -> Json:
    return {
        "audio": f"audio/{audio_name(output)}",
        "sha256": output.sha256,
        "format": output.format,
        "size": output.size,
        "duration_s": output.duration_s,
        **heard(output, subject.known(output.sha256)),
    }


def heard(output: Output, measured: Measured | None) -> dict[str, Json]:
    """What was measured of an output, when it was collected or on this machine: figures, or why there are none; and its waveform."""
    figures = output.measures or (measured and measured.measures)
    return {
        "measures": asdict(figures) if figures else None,
        "unmeasured": None if figures else output.unmeasured or (measured.unmeasured if measured else None),
        "bars": b64encode(bars(measured.peaks)).decode() if measured else "",
    }


def bars(peaks: bytes) -> bytes:
    """A waveform as up to `BARS` heights of 0 to 127, out of its pairs of a lowest and a highest sample."""
    heights = peaks.translate(_HEIGHTS)
    step = max(2, -(-len(heights) // BARS))
    return bytes(max(heights[start : start + step]) for start in range(0, len(heights), step))


def _reason(reason: Reason) -> Json:
    before, after = masked(reason.before), masked(reason.after)
    words: Json = None
    if isinstance(before, str) and isinstance(after, str):
        words = [[_SIDES[piece.side], piece.text] for piece in word_diff(before, after)]
    return {"path": reason.path, "before": before, "after": after, "words": words}
