"""Faults on demand: which there are, and which of them strikes a request.

A request to create has at most one fault in its answer, one in the later life of its task, and one in its audio; a
request to describe has at most one. Faults strike only requests that would have succeeded.
"""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

CREATE, DESCRIBE = "CreateAigcAudioTask", "DescribeAigcAudioTask"


class AnswerFault(StrEnum):
    """What goes wrong with the answer to a create."""

    DROP_BEFORE_CREATE = "drop-before-create"
    THROTTLE = "throttle"
    BAD_GATEWAY = "bad-gateway"
    DROP_AFTER_CREATE = "drop-after-create"
    TRUNCATE = "truncate"
    BAD_GATEWAY_AFTER_CREATE = "bad-gateway-after-create"
    INTERNAL_ERROR = "internal-error"
    SLOW = "slow"


class TaskFault(StrEnum):
    """What goes wrong with a task after it was created."""

    FAIL = "fail"
    URL_EXPIRED = "url-expired"
    WRITE_LATE = "write-late"
    NEVER_WRITE = "never-write"
    DUPLICATE_WRITE = "duplicate-write"
    CREATE_AND_NEVER_WRITE = "create-and-never-write"


class AudioFault(StrEnum):
    """What is wrong with the files that a task writes, though it says DONE. See `bad_audio`."""

    SILENT = "audio-silent"
    CLIPPED = "audio-clipped"
    SHORT = "audio-short"
    CORRUPT = "audio-corrupt"
    OTHER_FORMAT = "audio-other-format"


class DescribeFault(StrEnum):
    """What goes wrong with the answer to a describe."""

    DESCRIBE_DROP = "describe-drop"
    DESCRIBE_ERROR = "describe-error"


Fault = AnswerFault | TaskFault | AudioFault | DescribeFault

NOTHING_CREATED = frozenset({AnswerFault.DROP_BEFORE_CREATE, AnswerFault.THROTTLE, AnswerFault.BAD_GATEWAY})
DELAYS: Mapping[str, float] = {AnswerFault.SLOW.value: 120.0, TaskFault.WRITE_LATE.value: 5.0}
"""Seconds of real time, whatever the speed: it is the patience of clients that these are set against."""

GROUPS: Mapping[str, tuple[type[Fault], ...]] = {
    CREATE: (AnswerFault, TaskFault, AudioFault),
    DESCRIBE: (DescribeFault,),
}
_ACTION: Mapping[Fault, str] = {
    fault: action for action, groups in GROUPS.items() for group in groups for fault in group
}
NAMES: Mapping[str, Fault] = {str(fault): fault for fault in _ACTION}

_WORD = re.compile(r"\bmpsaudio-([a-z-]+[a-z])(?::([0-9]{1,6}))?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Fate:
    """The faults of one create."""

    answer: AnswerFault | None = None
    task: TaskFault | None = None
    audio: AudioFault | None = None
    slow_s: float = 0.0
    late_s: float = 0.0

    def record(self) -> dict[str, Any]:
        """What the ledger keeps, so that the task's life stays the same after a restart."""
        return {
            "fault": self.task,
            "answer_fault": self.answer,
            "audio_fault": self.audio,
            "late_s": self.late_s,
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "Fate":
        """A record may be older than faults, or name one that is gone."""
        task, answer, audio = (
            NAMES.get(record.get(key) or "") for key in ("fault", "answer_fault", "audio_fault")
        )
        return cls(
            answer=answer if isinstance(answer, AnswerFault) else None,
            task=task if isinstance(task, TaskFault) else None,
            audio=audio if isinstance(audio, AudioFault) else None,
            late_s=record.get("late_s", 0.0),
        )


@dataclass(slots=True)
class Scripted:
    """Faults for the next `times` requests whose prompt holds a match."""

    faults: tuple[Fault, ...]
    match: re.Pattern[str]
    times: int


class Faults:
    """Decides which fault strikes. Thread-safe.

    A draw depends on the seed, the prompt, and how often that prompt was asked for before; so the same run has
    the same faults, in whatever order its requests arrive.
    """

    def __init__(
        self,
        probabilities: Mapping[str, float],
        *,
        seed: int = 0,
        delays: Mapping[str, float] | None = None,
        created: Iterable[str] = (),
    ) -> None:
        """`created` are the prompts of the ledger: a task that failed must not fail again after each restart."""
        self._seed = seed
        self._probabilities = {str(name): chance for name, chance in probabilities.items()}
        self._delays = {**DELAYS, **{str(name): seconds for name, seconds in (delays or {}).items()}}
        self._next: list[Scripted] = []
        self._asked = Counter((CREATE, prompt) for prompt in created)
        self._struck: Counter[str] = Counter()
        self._lock = threading.Lock()

    def of_create(self, prompt: str) -> Fate:
        with self._lock:
            before = self._asked[CREATE, prompt]
            chosen = self._choose(CREATE, prompt)
            answer = next((fault for fault in chosen if isinstance(fault, AnswerFault)), None)
            task = next((fault for fault in chosen if isinstance(fault, TaskFault)), None)
            audio = next((fault for fault in chosen if isinstance(fault, AudioFault)), None)
            audio = audio or ordered(prompt, before)
            if answer in NOTHING_CREATED:
                task = audio = None
            self._struck.update(fault.value for fault in (answer, task, audio) if fault)
            if task is TaskFault.CREATE_AND_NEVER_WRITE:
                answer = answer or AnswerFault.DROP_AFTER_CREATE
            return Fate(
                answer,
                task,
                audio,
                slow_s=self._delays[AnswerFault.SLOW] if answer is AnswerFault.SLOW else 0.0,
                late_s=self._delays[TaskFault.WRITE_LATE] if task is TaskFault.WRITE_LATE else 0.0,
            )

    def of_describe(self, prompt: str) -> DescribeFault | None:
        with self._lock:
            chosen = self._choose(DESCRIBE, prompt)
            self._struck.update(fault.value for fault in chosen)
            return next((fault for fault in chosen if isinstance(fault, DescribeFault)), None)

    def replace(
        self, probabilities: Mapping[str, float] | None, delays: Mapping[str, float], then: Iterable[Scripted]
    ) -> None:
        """New probabilities unless None, other delays, more scripted faults."""
        with self._lock:
            self._probabilities = self._probabilities if probabilities is None else dict(probabilities)
            self._delays |= delays
            self._next += then

    def clear(self) -> None:
        """No faults from now on; those of tasks that exist remain."""
        with self._lock:
            self._probabilities = {}
            self._next = []

    def show(self) -> dict[str, Any]:
        with self._lock:
            return {
                "faults": dict(self._probabilities),
                "seed": self._seed,
                "delays": dict(self._delays),
                "next": [
                    {"fault": list(entry.faults), "match": entry.match.pattern, "times": entry.times}
                    for entry in self._next
                ],
                "struck": dict(self._struck),
                "names": list(NAMES),
            }

    def _choose(self, action: str, prompt: str) -> list[Fault]:
        """What is scripted for this request, else what the dice say."""
        count = self._asked[action, prompt]
        self._asked[action, prompt] += 1
        for entry in self._next:
            if action_of(entry.faults) == action and entry.match.search(prompt):
                entry.times -= 1
                self._next = [each for each in self._next if each.times > 0]
                return list(entry.faults)
        drawn = (self._draw(group, f"{count}\n{prompt}") for group in GROUPS[action])
        return [fault for fault in drawn if fault is not None]

    def _draw(self, group: type[Fault], request: str) -> Fault | None:
        text = f"{self._seed}\n{group.__name__}\n{request}".encode(errors="surrogatepass")
        left = (int.from_bytes(hashlib.sha256(text).digest()[:7]) >> 3) / 2**53  # in [0, 1)
        for fault in group:
            left -= self._probabilities.get(fault, 0.0)
            if left < 0:
                return fault
        return None


def ordered(prompt: str, before: int) -> AudioFault | None:
    """What a prompt asks for by a word such as `mpsaudio-silent`; by `mpsaudio-silent:2` for its first two tasks alone.

    `before` is how often the prompt was asked for until now.
    """
    found = _WORD.search(prompt)
    if found is None or (found[2] is not None and before >= int(found[2])):
        return None
    try:
        return AudioFault(f"audio-{found[1]}")
    except ValueError:
        return None


def action_of(faults: Iterable[Fault]) -> str:
    """The action that the faults strike. Raises ValueError when they cannot strike together."""
    faults = list(faults)
    actions = {_ACTION[fault] for fault in faults}
    if len(actions) != 1 or len({type(fault) for fault in faults}) < len(faults):
        raise ValueError(
            f"{', '.join(faults) or 'no fault'}: one fault of an answer, one of its task and one of its audio at most"
        )
    return actions.pop()
