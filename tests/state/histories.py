"""Histories for the tests of state: a clock that only moves when told, and any sequence of events that fit."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from mpsjobs.model.events import (
    AssetForgotten,
    AssetPublished,
    AssetRecorded,
    AssetRetired,
    AttemptAbandoned,
    Event,
    FinishedMissing,
    OutputsErased,
    OutputsMeasured,
    OutputsRecorded,
    PublishedErased,
    RunFinished,
    RunStarted,
    Sending,
    SubmitIntended,
    SubmitRefused,
    SubmitUnknown,
    SubmitWithdrawn,
    TakeCopied,
    TakeDeleted,
    TakeFinished,
    TakeImported,
    TakeJudged,
    TakeRejected,
    TaskFailed,
    TaskSubmitted,
)
from mpsjobs.model.measures import Measures
from mpsjobs.model.state import Input, Output, Published, State, TakeStatus
from mpsjobs.state.fold import Fold

AT = "2026-11-22T20:00:00.000Z"
REALM = "emulator"


@dataclass
class FakeClock:
    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    start: datetime = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.now

    def utc(self) -> datetime:
        return self.start + timedelta(seconds=self.now)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def intended(
    attempt: str = "a1", fingerprint: str = "f1:x", take: int = 1, realm: str = REALM, address: str = "menu"
) -> SubmitIntended:
    return SubmitIntended(
        at=AT,
        address=address,
        fingerprint=fingerprint,
        fields={"model": "GL", "prompt": f"für {fingerprint} 音乐"},
        take=take,
        attempt_id=attempt,
        realm=realm,
        bucket="b-1250000000",
        region="local",
        cos_path=f"audio/takes/{attempt}/",
        host="box",
        boot_id="boot",
        inputs=(Input("theme", "f1:theme", 2, "cd" * 32),),
    )


MEASURES = Measures(30.5, 44_100, 2, 192_000, -16.2, 5.0, None, 0, 0.0, 0.1, 0.0, 0.0001)


def output(key: str = "k") -> Output:
    return Output("b-1250000000", "local", key, "etag", 44, "ab" * 32, "wav", 30.5)


def recorded(
    address: str = "menu", fingerprint: str = "f1:x", *, takes: int = 1, moved_from: str | None = None
) -> AssetRecorded:
    return AssetRecorded(AT, address, fingerprint, REALM, takes, None, moved_from)


def bought(attempt: str = "a1", fingerprint: str = "f1:x", take: int = 1) -> list[Event]:
    """All that happens for one good take."""
    return [
        intended(attempt, fingerprint, take),
        Sending(AT, attempt),
        TaskSubmitted(AT, attempt, f"task-{attempt}", "r1"),
        OutputsRecorded(AT, attempt, (output(f"audio/takes/{attempt}/x.wav"),)),
    ]


def copied(
    attempt: str = "a1",
    fingerprint: str = "f1:x",
    take: int = 1,
    realm: str = REALM,
    *,
    preferred: bool = False,
) -> TakeCopied:
    return TakeCopied(
        at=AT,
        address="menu",
        fingerprint=fingerprint,
        fields={"model": "GL", "prompt": f"für {fingerprint} 音乐"},
        take=take,
        attempt_id=attempt,
        realm=realm,
        bucket="b-1250000000",
        region="ap-guangzhou",
        cos_path=f"audio/takes/{attempt}/",
        origin_environment="dev",
        origin_attempt=f"dev-{attempt}",
        task_id=f"task-{attempt}",
        request_id="r1",
        preferred=preferred,
        outputs=(output(f"audio/takes/{attempt}/x.wav"),),
    )


def published(address: str = "menu", *keys: str, attempt: str = "a1", picked: bool = False) -> AssetPublished:
    return AssetPublished(
        AT,
        address,
        tuple(
            Published("b-1250000000", "local", key, "etag", 44, "ab" * 32, "f1:x", 1, attempt, picked)
            for key in keys
        ),
    )


def imported(
    attempt: str = "a1",
    fingerprint: str = "f1:x",
    take: int = 1,
    realm: str = REALM,
    *,
    task_id: str | None = None,
) -> TakeImported:
    """A task, or without a TaskId an object."""
    return TakeImported(
        at=AT,
        address="menu",
        fingerprint=fingerprint,
        fields={"model": "GL", "prompt": f"für {fingerprint} 音乐"},
        take=take,
        attempt_id=attempt,
        realm=realm,
        bucket="b-1250000000",
        region="ap-guangzhou",
        cos_path=f"audio/takes/{attempt}/",
        source=f"task {task_id}" if task_id else "object b-1250000000/old/song.wav",
        task_id=task_id,
        outputs=() if task_id else (output(f"audio/takes/{attempt}/song.wav"),),
    )


def folded(*events: Event) -> State:
    fold = Fold(State(lineage="L"))
    for seq, event in enumerate(events, 1):
        fold.apply(event, seq)
    return fold.state


_TEXT = st.text(max_size=8)
_MAYBE = st.none() | _TEXT
_FINGERPRINTS = st.sampled_from(["f1:a", "f1:b", "f1:c"])
_ADDRESSES = st.sampled_from(["menu", "level1.boss", "ambience.forest.night"])
_REALMS = st.sampled_from([REALM, "tencent/intl"])


def _of_attempt(draw: Any, state: State) -> Event | None:
    takes = [take for _, take in state.takes()]
    if not takes:
        return None
    take = draw(st.sampled_from(takes))
    attempt = take.attempt_id
    unanswered: list[Event] = [
        SubmitWithdrawn(AT, attempt),
        SubmitRefused(AT, attempt, "InvalidParameter", draw(_TEXT), draw(_MAYBE)),
        SubmitUnknown(AT, attempt, draw(_TEXT), draw(_MAYBE)),
        TaskSubmitted(AT, attempt, f"task-{attempt}", draw(_MAYBE)),
    ]
    finished: list[Event] = [
        TaskFailed(AT, attempt, draw(_TEXT), draw(_MAYBE)),
        OutputsRecorded(AT, attempt, (output(draw(_TEXT)),)),
    ]
    if take.status is TakeStatus.DELETED:
        return OutputsErased(AT, attempt)
    choices: list[Event] = list(finished[1:])
    if take.status is TakeStatus.DONE:
        choices += [TakeDeleted(AT, attempt), TakeRejected(AT, attempt, draw(st.booleans()))]
        measured = replace(
            output(draw(_TEXT)), measures=draw(st.sampled_from([None, MEASURES])), unmeasured=draw(_MAYBE)
        )
        misses = tuple(draw(st.lists(_TEXT, max_size=2)))
        judged = TakeJudged(AT, attempt, misses, unfit=bool(misses) and draw(st.booleans()))
        made = TakeFinished(AT, attempt, draw(st.sampled_from(["m1-a", "m1-b"])), (output(draw(_TEXT)),))
        gone = FinishedMissing(AT, attempt, draw(st.sampled_from(["m1-a", "m1-b"])))
        choices += [OutputsMeasured(AT, attempt, (measured,)), judged, made, gone]
    if take.status in {TakeStatus.INTENDED, TakeStatus.UNKNOWN}:
        choices += [*unanswered, finished[0], AttemptAbandoned(AT, attempt)]
    if take.status is TakeStatus.INTENDED:
        choices.append(Sending(AT, attempt))
    if take.status is TakeStatus.SUBMITTED:
        choices.append(AttemptAbandoned(AT, attempt))
    if take.status in {TakeStatus.SUBMITTED, TakeStatus.ABANDONED}:
        choices.append(finished[0])
    if take.status is TakeStatus.ABANDONED:
        choices.append(unanswered[3])
    event: Event = draw(st.sampled_from(choices))
    return event


def next_event(draw: Any, state: State, number: int) -> Event:  # noqa: PLR0911  # one kind after the other
    """Any event that may follow; `number` makes a new attempt's name."""
    kind = draw(st.integers(0, 10))
    if kind <= 4 and (event := _of_attempt(draw, state)):
        return event
    if kind <= 6:
        fingerprint = draw(_FINGERPRINTS)
        take = state.pool(fingerprint).next_number
        if kind == 6 and draw(st.booleans()):
            return copied(f"a{number}", fingerprint, take, draw(_REALMS), preferred=draw(st.booleans()))
        if kind == 5 and draw(st.booleans()):
            task_id = draw(st.none() | st.just(f"task-{number}"))
            return imported(f"a{number}", fingerprint, take, draw(_REALMS), task_id=task_id)
        return intended(f"a{number}", fingerprint, take, draw(_REALMS))
    if kind == 10 and state.superseded and draw(st.booleans()):
        left = state.superseded[draw(st.sampled_from(sorted(state.superseded)))]
        return PublishedErased(AT, left.address, left.place)
    if kind == 10 and state.assets:
        keys = draw(st.sets(st.sampled_from(["music/a.mp3", "music/b.mp3", "music/c.mp3"])))
        return published(
            draw(st.sampled_from(sorted(state.assets))),
            *sorted(keys),
            attempt=f"a{number}",
            picked=draw(st.booleans()),
        )
    if kind == 7 and (state.assets or state.retired):
        ends: list[Event] = [AssetRetired(AT, address) for address in sorted(state.assets)]
        ends += [AssetForgotten(AT, address) for address in sorted({*state.assets, *state.retired})]
        end: Event = draw(st.sampled_from(ends))
        return end
    if kind == 8:
        runs: list[Event] = [
            RunStarted(AT, "r", "apply", "0.1.0", "me@box", "c0ffee"),
            RunFinished(AT, "r", 3),
        ]
        run: Event = draw(st.sampled_from(runs))
        return run
    moved_from = draw(st.none() | _ADDRESSES)
    lifecycle = draw(st.sampled_from([None, {}, {"prevent_retire": True, "timeout": 90.0}]))
    wanted = draw(st.integers(1, 3))
    return AssetRecorded(
        AT, draw(_ADDRESSES), draw(_FINGERPRINTS), draw(_REALMS), wanted, None, moved_from, lifecycle
    )


@st.composite
def histories(draw: Any, max_size: int = 25) -> list[Event]:
    """Any sequence of events in which each one follows from those before it."""
    fold = Fold(State(lineage="L"))
    events: list[Event] = []
    for number in range(draw(st.integers(0, max_size))):
        event = next_event(draw, fold.state, number)
        fold.apply(event, number + 1)
        events.append(event)
    return events
