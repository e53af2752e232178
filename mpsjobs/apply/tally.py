"""What has happened so far in a run, and how long the rest may take."""

from dataclasses import dataclass, field

from mpsjobs.apply.progress import Failed, Skipped, Tick, Unknown
from mpsjobs.model.diagnostics import Diagnostic


@dataclass(slots=True)
class Tally:
    """Counts for the summary and the live view. Times in seconds. `held` are addresses that wait for what this run does not wait for.

    `unsent` takes were not submitted because too many others had failed.
    """

    started: float
    submitted: int = 0
    finished: int = 0
    recorded: int = 0
    retired: int = 0
    copied: int = 0
    published: set[str] = field(default_factory=set)
    imported: int = 0
    failed: list[Failed] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    stopped: list[Diagnostic] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    left_running: int = 0
    unsent: int = 0
    interrupted: bool = False
    _durations_s: float = 0.0
    _last_start: float = float("-inf")

    def began(self, at: float) -> None:
        """A task was submitted at this time, by this run or an earlier one."""
        self._last_start = max(self._last_start, at)

    def took(self, seconds: float) -> None:
        """A task was finished after so many seconds."""
        self.finished += 1
        self._durations_s += seconds

    def tick(self, now: float, *, queued: int, running: int, per_second: float) -> Tick:
        """Where the run stands. The rest takes as long as the queue, and then as long as the youngest task still needs on average."""
        done = self.finished + self.copied + len(self.failed) + len(self.skipped) + len(self.unknown)
        left = None
        if self.finished and (queued or running):
            mean = self._durations_s / self.finished
            youngest = 0.0 if queued else now - self._last_start
            left = queued / per_second + max(mean - youngest, 1.0)
        return Tick(
            done=done,
            total=done + queued + running,
            queued=queued,
            in_flight=running,
            failed=len(self.failed) + len(self.skipped),
            elapsed_s=now - self.started,
            left_s=left,
        )
