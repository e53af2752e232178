"""What a task is."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mpsjobs.emulator.faults import Fate, TaskFault
from mpsjobs.emulator.objects import Place

Status = Literal["WAIT", "RUN", "DONE", "FAIL"]


@dataclass(frozen=True, slots=True)
class Output:
    """An object that a task has written."""

    bucket: str
    region: str
    key: str
    size: int
    duration_s: float

    @property
    def place(self) -> Place:
        return Place(self.bucket, self.region, self.key)

    @property
    def second_place(self) -> Place:
        """Where the same object is found when it is written twice."""
        stem, dot, suffix = self.key.rpartition(".")
        return Place(self.bucket, self.region, f"{stem}-again{dot}{suffix}")


@dataclass(frozen=True, slots=True)
class Finish:
    """How a task ended. Once recorded it never changes."""

    status: Literal["DONE", "FAIL"]
    message: str = ""
    outputs: tuple[Output, ...] = ()
    at: float = 0.0


@dataclass(slots=True)
class Task:
    """A task that was answered, or is about to be."""

    task_id: str
    request_id: str
    secret_id: str
    created_at: float
    request: Mapping[str, Any]
    fate: Fate
    finish: Finish | None = None
    written: bool = False
    """Whether outputs that are written late have been written."""

    @property
    def prompt(self) -> str:
        return self.request.get("Prompt") or ""

    @property
    def withheld(self) -> bool:
        """Whether the result URL leads to something else than the object in the storage."""
        return self.fate.task in {TaskFault.WRITE_LATE, TaskFault.NEVER_WRITE}


def pace(task_id: str, speed: float) -> tuple[float, float]:
    """Seconds from creation to RUN and to DONE: log-normal, median 90 s, always the same for one task."""
    rng = random.Random(task_id)  # noqa: S311 — spreads durations, guards nothing
    total = min(600.0, max(8.0, 90 * math.exp(rng.gauss(0, 0.35))))
    return total * rng.uniform(0.05, 0.2) / speed, total / speed
