"""Whatever happens to a state on disk, it is the fold of the events that were durable, and perhaps of some after them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event
from mpsjobs.state.push import push

from .files import crash, journal_of, opened, store_at
from .histories import folded, next_event

RUBBISH = [b"", b"\0" * 40, b'{"seq":', b"x\ny\n"]


class StateOnDisk(RuleBasedStateMachine):
    """`events` is what a perfect memory holds; the session and the files must say the same.

    `durable` is how many of them were promised to be on disk, `synced` how many bytes of the journal really are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self.path = Path(self._folder.name) / "mpsjobs.state.json"
        self.synced = 0
        self._sync = os.fdatasync
        self._patch = patch("os.fdatasync", self._note_sync)
        self._patch.start()
        self.session = opened(self.path)
        self.events: list[Event] = []
        self.durable = 0
        self.attempts = 0

    def teardown(self) -> None:
        self.session.close()
        self._patch.stop()
        self._folder.cleanup()

    def _note_sync(self, descriptor: int) -> None:
        self._sync(descriptor)
        self.synced = os.fstat(descriptor).st_size

    @rule(data=st.data(), count=st.integers(1, 4), sync=st.booleans())
    def append(self, data: st.DataObject, count: int, *, sync: bool) -> None:
        self.session.append(self._more(data, count), sync=sync)
        if sync:
            self.durable = len(self.events)

    @rule()
    def save(self) -> None:
        self.session.save()
        self.durable = len(self.events)

    @rule(forget_snapshot=st.booleans())
    def reopen(self, *, forget_snapshot: bool) -> None:
        self.session.close()
        self.durable = len(self.events)
        if forget_snapshot:
            self.path.unlink(missing_ok=True)
        self.session = opened(self.path)

    @rule(data=st.data(), forget_snapshot=st.booleans())
    def lose_power(self, data: st.DataObject, *, forget_snapshot: bool) -> None:
        """What was not synced is cut off anywhere, perhaps with rubbish behind."""
        crash(self.session)
        if forget_snapshot:
            self.path.unlink(missing_ok=True)
        self._tear(data)
        self.session = opened(self.path)

    @rule()
    def be_killed(self) -> None:
        """The system has every byte that was written, and the next process counts on no more than that."""
        crash(self.session)
        self.session = opened(self.path)

    @rule(
        data=st.data(),
        room=st.integers(0, 3000),
        later=st.integers(0, 4),
        failing=st.sampled_from(["write", "fdatasync"]),
        power=st.booleans(),
    )
    def run_on_a_broken_disk(
        self, data: st.DataObject, room: int, later: int, failing: str, *, power: bool
    ) -> None:
        """What cannot be written is put aside, and put back when the disk is mended."""
        more = self._more(data, data.draw(st.integers(1, 3)))
        with _broken(failing, room):
            try:
                self.session.append(more)
            except StateError:
                assert self.session.failed
            else:
                self.durable = len(self.events)
            if self.session.failed:
                for event in self._more(data, later):
                    self.session.append([event])
                self.session.save()
        assert self.session.failed or failing == "write"
        file = self.session.salvage([self.path.parent])
        assert file is not None
        if power:
            crash(self.session)
            remembered = list(self.events)
            self._tear(data)
            self.events = remembered
        else:
            self.session.close()
        push(store_at(self.path), file)
        assert push(store_at(self.path), file).appended == 0
        file.unlink()
        self.durable = len(self.events)
        self.session = opened(self.path)

    @invariant()
    def everything_says_the_same(self) -> None:
        expected = folded(*self.events)
        expected.lineage = self.session.state.lineage
        assert self.session.state == expected
        assert store_at(self.path).read() == expected

    @precondition(lambda self: self.events)
    @invariant()
    def it_is_still_ours(self) -> None:
        self.session.confirm()

    def _more(self, data: st.DataObject, count: int) -> list[Event]:
        """New events, each of which follows from those before it."""
        new: list[Event] = []
        for _ in range(count):
            self.attempts += 1
            new.append(next_event(data.draw, folded(*self.events, *new), self.attempts))
        self.events += new
        return new

    def _tear(self, data: st.DataObject) -> None:
        journal = journal_of(self.path)
        if journal.exists():
            content = journal.read_bytes()
            ends = [index + 1 for index, byte in enumerate(content) if byte == ord("\n")]
            assert ends[self.durable] <= max(self.synced, ends[0])
            cut = data.draw(st.integers(max(self.synced, ends[0]), len(content)))
            journal.write_bytes(content[:cut] + data.draw(st.sampled_from(RUBBISH)))
            self.durable = sum(end <= cut for end in ends) - 1
        del self.events[self.durable :]


@contextmanager
def _broken(what: str, room: int) -> Iterator[None]:
    real = os.write
    left = room

    def write(descriptor: int, data: Any) -> int:
        nonlocal left
        taken = min(left, len(data))
        if not taken:
            raise OSError(28, "No space left on device")
        left -= taken
        return real(descriptor, bytes(data[:taken]))

    def sync(_: int) -> None:
        raise OSError(5, "Input/output error")

    with patch(f"os.{what}", {"write": write, "fdatasync": sync}[what]):
        yield


TestStateOnDisk = StateOnDisk.TestCase
TestStateOnDisk.settings = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
