"""Finishing: files are made of takes before people and game builds get them, put beside what the cloud made, and recorded.

It is free and gives the same bytes each time. What is cut off before the event leaves files that nobody knows of under a key of their
own; the next apply puts them again.
"""

import mimetypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from mpsjobs.apply.collect import fetch_recorded
from mpsjobs.model.change import Finish, Plan
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import CloudError
from mpsjobs.model.mastering import FORMATS, Mastering
from mpsjobs.model.measures import VIDEO
from mpsjobs.model.ports import ObjectInfo, ObjectRef, ObjectStore
from mpsjobs.model.state import Output, State, Take, chosen_take

_UNFINISHED = 3
"""The exit code of the child that says why nothing can be made."""


@dataclass(frozen=True, slots=True)
class Finishing:
    """A take, and what is to be made of it. `address` is whose wish that is."""

    address: str
    fingerprint: str
    take: Take
    mastering: Mastering

    @property
    def name(self) -> tuple[str, str]:
        return self.take.attempt_id, self.mastering.name


@dataclass(slots=True)
class Finishings:
    """What a plan wants to have made. The same is made of the same take once, whoever wants it."""

    state: State
    realm: str
    _wanted: dict[str, Finish] = field(default_factory=dict)
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    def begin(self, plan: Plan) -> list[str]:
        """The addresses that may need something in this run."""
        self._wanted = {action.address: action for action in plan.actions if isinstance(action, Finish)}
        return list(self._wanted)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def lacking(self, address: str) -> Finishing | None:
        """What has to be made before the address can be handed out. Nothing, as long as it points at another sound."""
        wanted, record = self._wanted.get(address), self.state.assets.get(address)
        if wanted is None or record is None:
            return None
        if (record.fingerprint, record.realm) != (wanted.fingerprint, self.realm):
            return None
        take = chosen_take(self.state.pool(record.fingerprint), self.realm, record.pick)
        if take is None or take.finished(wanted.mastering.name) is not None:
            return None
        return Finishing(address, record.fingerprint, take, wanted.mastering)

    def begun(self, finishing: Finishing) -> bool:
        """Whether somebody has to make it now; it is under way from here on."""
        if finishing.name in self._under_way:
            return False
        self._under_way.add(finishing.name)
        return True

    def ended(self, finishing: Finishing, *, well: bool) -> None:
        """It is made, or cannot be in this run."""
        self._under_way.discard(finishing.name)
        if not well:
            self._wanted = {
                address: each
                for address, each in self._wanted.items()
                if (each.fingerprint, each.mastering) != (finishing.fingerprint, finishing.mastering)
            }


@dataclass(frozen=True, slots=True)
class Finisher:
    """Makes the files, in child processes. Thread-safe. `describe` says what an object is, given a copy; `scratch` holds files for a moment."""

    store: ObjectStore
    scratch: Path
    describe: Callable[[ObjectInfo, Path], Output]

    def finish(self, finishing: Finishing) -> tuple[Output, ...]:
        """Make what is wanted of every audio file of the take, and put it beside these. Doing it twice does no harm.

        Raises:
            CloudError: an output is gone or is not what was recorded, nothing can be made of it, or the store cannot be used.
            OSError: there is no room for it on this machine.
        """
        take, made = finishing.take, []
        self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="finish-") as folder:
            source = Path(folder) / "source"
            for number, output in enumerate(take.outputs, 1):
                if output.format in VIDEO:
                    continue
                fetch_recorded(self.store, output, source)
                for form in finishing.mastering.format or (output.format,):
                    file = Path(folder) / f"finished.{form}"
                    _make(source, file, form, finishing.mastering)
                    info = self._put(finishing, file, f"{number}.{form}")
                    made.append(self.describe(info, file))
        return tuple(made)

    def _put(self, finishing: Finishing, file: Path, name: str) -> ObjectInfo:
        take = finishing.take
        prefix, _, _ = take.cos_path.rpartition(f"takes/{take.attempt_id}")
        key = f"{prefix}finished/{take.attempt_id}/{finishing.mastering.name}/{name}"
        marks = {
            "address": finishing.address,
            "fingerprint": finishing.fingerprint,
            "take": str(take.take),
            "attempt-id": take.attempt_id,
            "mastering": finishing.mastering.name,
        }
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return self.store.put(
            ObjectRef(take.bucket, take.region, key), file, content_type=content_type, metadata=marks
        )


def _make(source: Path, target: Path, form: str, mastering: Mastering) -> None:
    """In a process of its own: a file that brings the decoder down brings down a child, and the loop goes on submitting."""
    if form not in FORMATS:
        raise _cannot(f"it is {form}; name what it is to be written as: master.format")
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        (
            sys.executable,
            "-P",
            "-m",
            "mpsjobs.audio.finishing",
            str(source),
            str(target),
            form,
            orjson.dumps(mastering.recorded).decode(),
        ),
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        start_new_session=True,  # Ctrl-C in the terminal is for the command alone
    )
    if done.returncode == _UNFINISHED:
        raise _cannot(done.stdout)
    if done.returncode:
        raise _cannot("the process that made it crashed")


def _cannot(why: str) -> CloudError:
    return CloudError.of(f"no finished file can be made of it: {why}", code=Code.NOT_FINISHED)
