"""Outputs that are missing in the store are collected again from the provider, as long as it still has them: free, and the very same files."""

import mimetypes
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never
from urllib.error import HTTPError

from mpsjobs.apply.collect import sha256_of
from mpsjobs.apply.drift import LookedFor
from mpsjobs.apply.lane import Pacer
from mpsjobs.apply.sightings import ref_of
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.ports import Clock, DescribeFailed, Mps, ObjectStore, Scope, Task, TaskStatus
from mpsjobs.model.state import Output

_TRIES: Final = 3
_GONE: Final = range(400, 500)
"""HTTP's answers for a result that is there no more: expired, forbidden, not found."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """The outputs are in the store again, where they were; `outputs` as they are recorded from now on."""

    looked_for: LookedFor
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class NotRescued:
    """They are not. `certain`: the provider does not have them any more; else it could not be asked, or did not give them this time."""

    looked_for: LookedFor
    why: str
    certain: bool


class _Unsure(Exception):  # noqa: N818  # reads as what happened
    """It may go better another time."""


class _Gone(Exception):  # noqa: N818  # reads as what happened
    """It will never go better."""


@dataclass(frozen=True, slots=True)
class Rescuer:
    """Asks the provider for tasks, at the pacer's times, and puts what their result URLs give into the store. `scratch` holds files for a moment."""

    mps: Mps
    store: ObjectStore
    download: Callable[[str, Path], None]
    pacer: Pacer
    clock: Clock
    scratch: Path

    def rescue(self, lost: Iterable[tuple[LookedFor, tuple[Output, ...]]]) -> Iterator[Rescued | NotRescued]:
        """What came of each take, with those of its outputs that are missing. Only a file with the recorded SHA-256 is put back."""
        for looked_for, missing in lost:
            try:
                back = self._brought_back(looked_for, missing)
            except _Gone as error:
                yield NotRescued(looked_for, str(error), certain=True)
            except (_Unsure, CloudError, OSError) as error:
                yield NotRescued(looked_for, str(error), certain=False)
            else:
                outputs = looked_for.take.outputs
                yield Rescued(looked_for, tuple(back.get(each.key, each) for each in outputs))

    def _brought_back(self, looked_for: LookedFor, missing: tuple[Output, ...]) -> dict[str, Output]:
        take = looked_for.take
        if take.task_id is None:
            raise _Gone("no task of the provider is known for it")
        urls = self._urls(take.task_id)
        lacking, back = list(missing), dict[str, Output]()
        marks = {"address": take.address, "task-id": take.task_id}
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="rescue-") as folder:
            file = Path(folder) / "output"
            for url in urls:
                if not lacking:
                    break
                self._fetch(url, file)
                digest = sha256_of(file)
                for output in [each for each in lacking if each.sha256 == digest]:
                    content_type = mimetypes.guess_type(f"x.{output.format}")[0] or "application/octet-stream"
                    info = self.store.put(ref_of(output), file, content_type=content_type, metadata=marks)
                    back[output.key] = replace(output, etag=info.etag)
                    lacking.remove(output)
        if lacking:
            raise _Gone("what the provider has is not the file that was recorded")
        return back

    def _urls(self, task_id: str) -> list[str]:
        answer = self._described(task_id)
        match answer:
            case Task(TaskStatus.DONE):
                return [each.url for each in (*answer.audio, *answer.video)]
            case Task():
                raise _Gone(f"its task is {answer.status} now")
            case DescribeFailed(retry=None, scope=Scope.ASSET):
                raise _Gone(f"the provider tells nothing of its task ({answer.code})")
            case DescribeFailed():
                raise _Unsure(f"{answer.code}: {answer.message}")
            case _:
                assert_never(answer)

    def _described(self, task_id: str, tries: int = _TRIES) -> Task | DescribeFailed:
        self.clock.sleep(max(0.0, self.pacer.ready_at() - self.clock.monotonic()))
        self.pacer.sent(self.clock.monotonic())
        answer = self.mps.describe(task_id)
        again = isinstance(answer, DescribeFailed) and answer.retry is not None and tries > 1
        return self._described(task_id, tries - 1) if again else answer

    def _fetch(self, url: str, file: Path) -> None:
        try:
            self.download(url, file)
        except CloudError as error:
            if isinstance(error.__cause__, HTTPError) and error.__cause__.code in _GONE:
                raise _Gone("its result URL gives nothing any more") from error
            raise
