"""What the store tells of an attempt whose answer was lost with its machine."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mpsjobs.apply.collect import Collector
from mpsjobs.apply.receipts import CONTENT_TYPE, place, receipt_of
from mpsjobs.apply.recovery import LostTakes
from mpsjobs.audio.measurer import Measurer
from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.events import Sending, SubmitUnknown, TaskSubmitted
from mpsjobs.model.ports import ObjectRef, StateSession
from mpsjobs.model.state import State, Take, TakeStatus
from mpsjobs.state.fold import Fold
from tests.state.files import opened
from tests.state.histories import AT, REALM, intended

PATH = ObjectRef("b-1250000000", "local", "audio/takes/a1/")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[StateSession]:
    with closing(opened(tmp_path / "state" / "mpsjobs.state.json")) as session:
        session.append([intended(), Sending(AT, "a1"), SubmitUnknown(AT, "a1", "the run ended", None)])
        yield session


def lost(session: StateSession, root: Path) -> LostTakes:
    store = DirectoryStore(root / "store")
    collector = Collector(store, lambda *_: None, root / "scratch", Measurer(root / "cache"))
    return LostTakes(session, lambda: collector, REALM, "aurora", lambda _: 1)


def take_of(state: State) -> Take:
    ((_, take),) = state.takes()
    return take


def put_receipt(root: Path, project: str = "aurora", *, task_id: str | None = "task-1") -> None:
    """As the vanished machine would have put it."""
    fold = Fold(State(lineage="L"))
    fold.apply(intended(), 1)
    if task_id:
        fold.apply(TaskSubmitted(AT, "a1", task_id, "r1"), 2)
    receipt = receipt_of(project, "f1:x", {"model": "GL"}, take_of(fold.state))
    ref = place(project, PATH, "a1")
    DirectoryStore(root / "store").put(ref, receipt.encode(), content_type=CONTENT_TYPE, metadata={})


@pytest.mark.parametrize("outputs_of_unknown", [True, False])
def test_a_receipt_names_the_task_that_an_answer_was_lost_of(
    session: StateSession, tmp_path: Path, *, outputs_of_unknown: bool
) -> None:
    put_receipt(tmp_path)
    (told,) = lost(session, tmp_path).adopt(AT, outputs_of_unknown=outputs_of_unknown)
    assert (told.address, "task-1" in told.message) == ("menu", True)
    take = take_of(session.state)
    assert (take.status, take.task_id, take.request_id) == (TakeStatus.SUBMITTED, "task-1", "r1")


@pytest.mark.parametrize("how", ["none", "of another project", "without a task", "no receipt at all"])
def test_what_names_no_task_of_ours_leaves_it_unknown(
    session: StateSession, tmp_path: Path, how: str
) -> None:
    if how == "of another project":
        put_receipt(tmp_path, "borealis")
    elif how == "without a task":
        put_receipt(tmp_path, task_id=None)
    elif how == "no receipt at all":
        ref = place("aurora", PATH, "a1")
        DirectoryStore(tmp_path / "store").put(ref, b"{}", content_type=CONTENT_TYPE, metadata={})
    assert list(lost(session, tmp_path).adopt(AT)) == []
    assert take_of(session.state).status is TakeStatus.UNKNOWN
