"""One suite for every kind of state store: what `mpsjobs.state.backend.StateBackend` and `StateSession` promise."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from mpsjobs.model.diagnostics import LockHeldError, LockLostError, MpsjobsError, StateError
from mpsjobs.model.events import AssetForgotten, Event, RunFinished, Sending, TaskSubmitted
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.state import State, TakeStatus, never_sent
from mpsjobs.state.adopt import adopt, roll_back
from mpsjobs.state.identity import who
from mpsjobs.state.push import push
from mpsjobs.state.snapshot import Snapshot, encode_snapshot
from tests.s3 import S3Server
from tests.state.histories import AT, bought, folded, histories, intended, recorded
from tests.state_places import BUCKET, KEY, KINDS, REGION, Place, die, elsewhere, place_of

END = RunFinished(AT, "r", 0)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with place_of(request.param, tmp_path / "place", lambda: request.getfixturevalue("s3_server")) as place:
        yield place


def same(state: State, *events: Event) -> bool:
    """Whether a state is the fold of these events, whatever its lineage."""
    expected = folded(*events)
    expected.lineage = state.lineage
    return state == expected


def write(place: Place, *events: Event, machine: str = "A") -> State:
    with closing(place.opened(machine)) as session:
        session.append(events)
        return session.state


def told(error: MpsjobsError) -> str:
    return "\n".join(f"{d.summary} {d.detail} {d.hint}" for d in error.diagnostics)


def test_where_nothing_has_ever_happened_there_is_nothing(place: Place) -> None:
    store = place.store()
    assert store.read() == State(lineage="")
    assert list(store.history()) == []
    with closing(place.opened()) as session:
        session.confirm()
        assert session.state == State(lineage="")
    assert store.read() == State(lineage="")


def test_what_was_appended_is_there_for_everybody(place: Place) -> None:
    first, more = bought(), [*bought("a2", take=2), recorded(takes=2)]
    write(place, *first)
    assert same(place.store("B").read(), *first)
    with closing(place.opened("B")) as session:
        assert same(session.state, *first)
        session.append(more[:3])
        session.append(more[3:])
    assert same(place.store("A").read(), *first, *more)
    assert place.store("A").read().lineage == place.store("B").read().lineage != ""


def test_an_intent_is_there_for_everybody_before_anything_follows_from_it(place: Place) -> None:
    with closing(place.opened("A")) as session:
        session.append([intended()])
        assert same(place.store("B").read(), intended())
        session.append([Sending(AT, "a1")], sync=False)
        session.append([intended("a2", take=2)])
        assert same(place.store("B").read(), intended(), Sending(AT, "a1"), intended("a2", take=2))


def test_what_a_session_wrote_is_kept_when_it_is_cut_off(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On its own machine all of it; elsewhere all that came before the last act."""
    everything = [*bought(), intended("a2", take=2), Sending(AT, "a2")]
    session = place.opened("A")
    for event in everything:
        session.append([event], sync=not isinstance(event, Sending))
    die(session)
    kept = place.store("B").read().serial
    assert kept >= 5
    assert same(place.store("B").read(), *everything[:kept])
    assert same(place.store("A").read(), *everything)
    with closing(place.opened("A")) as session:
        assert same(session.state, *everything)
    assert same(place.store("B").read(), *everything)


def test_a_machine_that_comes_back_adds_what_it_alone_knew(place: Place) -> None:
    """Somebody else has taken over in the meantime."""
    session = place.opened("A")
    session.append([intended()])
    session.append([TaskSubmitted(AT, "a1", "task-1", None)])
    die(session)
    with closing(place.opened("B")) as session:
        session.append([recorded()])
    with closing(place.opened("A")) as session:
        (take,) = session.state.pool("f1:x").takes
        assert (take.task_id, session.state.assets["menu"].fingerprint) == ("task-1", "f1:x")
    assert place.store("B").read() == place.store("A").read()


def test_a_lost_hint_is_no_empty_state(place: Place) -> None:
    """It would buy everything again."""
    write(place, *bought())
    if place.objects is not None:
        place.objects.delete(ObjectRef(BUCKET, REGION, f"{KEY}.head"))
    assert same(place.store("B").read(), *bought())
    write(place, recorded(), machine="B")
    assert same(place.store("A").read(), *bought(), recorded())


def test_history_has_every_event_once_and_in_order(place: Place) -> None:
    parts: list[list[Event]] = [bought(), [recorded(), END], bought("a2", take=2)]
    for machine, part in zip("ABA", parts, strict=True):
        write(place, *part, machine=machine)
    session = place.opened("B")
    session.append([intended("a3", take=3)])
    events = [*chain.from_iterable(parts), intended("a3", take=3)]
    lines = list(place.store("A").history())
    assert [line.event for line in lines] == events
    assert [line.seq for line in lines] == list(range(1, len(events) + 1))
    for after in (0, 3, 6, len(events)):
        assert [line.seq for line in place.store("B").history(after)] == list(
            range(after + 1, len(events) + 1)
        )
    session.close()


def test_one_holds_it_and_the_next_is_told_who(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(place.opened("A")) as session:
        with elsewhere(monkeypatch), pytest.raises(LockHeldError) as caught:
            place.opened("B")
        for words in (who(), "Operation: apply", "--lock-timeout", "Path:", "Created:", "ID:"):
            assert words in told(caught.value)
        session.append(bought())
        with pytest.raises(LockHeldError):
            place.opened("A", timeout_s=5)
    with closing(place.opened("B")) as session:
        assert session.state.serial == 4


def test_the_lock_of_a_living_process_of_this_machine_cannot_be_taken_away(place: Place) -> None:
    assert place.store().force_unlock() is None
    with closing(place.opened()) as session:
        with pytest.raises(LockHeldError, match="holds the lock"):
            place.store().force_unlock()
        session.confirm()
    with pytest.raises(StateError, match="No lock has this ID"):
        place.store().force_unlock("0" * 32)


def test_a_dead_process_of_this_machine_holds_no_lock(place: Place) -> None:
    session = place.opened()
    session.append(bought())
    die(session)
    write(place, recorded())
    assert same(place.store().read(), *bought(), recorded())


def test_what_an_event_contradicts_is_refused_and_the_session_goes_on(place: Place) -> None:
    with closing(place.opened()) as session:
        session.append([intended()])
        with pytest.raises(StateError):
            session.append([Sending(AT, "a1"), intended()])
        assert not session.failed
        session.append([TaskSubmitted(AT, "a1", "t1", None)])
    assert same(place.store().read(), intended(), Sending(AT, "a1"), TaskSubmitted(AT, "a1", "t1", None))


def test_a_whole_state_takes_the_place_of_another_which_is_kept(place: Place, tmp_path: Path) -> None:
    write(place, *bought())
    file = tmp_path / "pulled.json"
    other = folded(*bought("b1", "f1:y"), recorded(fingerprint="f1:y"))
    file.write_bytes(encode_snapshot(Snapshot(other, 0)))
    with pytest.raises(StateError, match="cannot take the place"):
        adopt(place.store("B"), file)
    adopted = adopt(place.store("B"), file, force=True)
    assert (adopted.changed, adopted.serial) == (True, 5)
    assert adopted.kept
    assert place.store("A").read() == other
    write(place, *bought("b2", "f1:y", 2))
    assert [line.seq for line in place.store("B").history()] == [6, 7, 8, 9]
    assert same(
        replace(place.store("A").read(), serial=9),
        *bought("b1", "f1:y"),
        recorded(fingerprint="f1:y"),
        *bought("b2", "f1:y", 2),
    )


def test_the_state_can_be_gone_back_to_as_it_was_after_any_event(place: Place) -> None:
    parts: list[list[Event]] = [bought(), [recorded(), END], [recorded("boss"), AssetForgotten(AT, "menu")]]
    for machine, part in zip("ABA", parts, strict=True):
        write(place, *part, machine=machine)
    events = [*chain.from_iterable(parts)]
    for serial in range(1, len(events) + 1):
        assert same(place.store("B").at(serial), *events[:serial])
    with pytest.raises(StateError, match="no state after event 9"):
        place.store("B").at(9)
    assert set(place.store().read().assets) == {"boss"}
    back = roll_back(place.store("B"), 6)
    assert (back.changed, back.serial) == (True, 9)
    assert same(replace(place.store().read(), serial=6), *events[:6])
    assert not roll_back(place.store(), 9).changed
    write(place, *bought("a2", take=2))
    with pytest.raises(StateError, match="cannot take the place"):
        roll_back(place.store(), 9)
    assert roll_back(place.store(), 9, force=True).changed
    assert len(place.store("B").read().pool("f1:x").takes) == 1


def test_who_goes_back_into_the_midst_of_a_run_does_not_take_what_was_sent_for_unsent(place: Place) -> None:
    """The mark that it was sent stands beyond the event that one went back to."""
    sent = intended()
    write(place, *bought())
    assert never_sent(place.store().at(1).pool("f1:x").takes[0], sent.host, sent.boot_id)
    assert roll_back(place.store(), 1, force=True).changed
    take = place.store().read().pool("f1:x").takes[0]
    assert take.status is TakeStatus.INTENDED
    assert not never_sent(take, sent.host, sent.boot_id)
    assert not roll_back(place.store(), place.store().read().serial).changed


def test_who_comes_to_a_place_that_the_state_has_left_is_stopped(place: Place) -> None:
    write(place, *bought())
    kept: list[State] = []
    assert place.store().move_away("elsewhere", kept.append)
    assert same(kept[0], *bought())
    if place.objects is None:
        assert place.store().read().serial == 0  # its receipts in the store stop an apply
        return
    for act in (place.store("B").read, place.opened):
        with pytest.raises(StateError, match="has moved"):
            act()


def test_a_rebase_goes_on_from_the_last_snapshot(place: Place) -> None:
    with pytest.raises(StateError, match="no snapshot"):
        place.store().rebase()
    write(place, *bought())
    assert place.store().rebase()
    write(place, recorded())
    assert same(place.store("B").read(), *bought(), recorded())
    assert [line.seq for line in place.store("B").history()] == [5]


def test_what_could_not_be_recorded_is_put_back_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session = place.opened("A")
    session.append([intended()])
    session.append([Sending(AT, "a1")], sync=False)
    take_away(place, session, monkeypatch)
    with pytest.raises(LockLostError):
        session.confirm()
    assert session.failed
    session.append([TaskSubmitted(AT, "a1", "task-1", None)])
    file = session.salvage([tmp_path])
    session.close()
    assert file is not None
    write(place, recorded(), machine="B")
    pushed = push(place.store("B"), file)
    assert pushed.appended >= 1
    assert push(place.store("B"), file).appended == 0
    (take,) = place.store("B").read().pool("f1:x").takes
    assert take.task_id == "task-1"


def take_away(place: Place, session: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """`force-unlock` on another machine."""
    if place.objects is None:
        (place.root / "mpsjobs.state.json.lock.epoch").write_text("1\n")
        return
    with elsewhere(monkeypatch):
        assert place.store("B").force_unlock() is not None
    place.clock.sleep(place.terms.trust_s)


def _no_server() -> S3Server:
    raise AssertionError("these kinds need none")


@settings(max_examples=25)
@given(histories(), st.data())
@pytest.mark.parametrize("kind", ["file", "encrypted"])
def test_any_history_in_any_pieces_folds_to_the_same_state(
    kind: str, events: list[Event], data: st.DataObject
) -> None:
    """Cut into runs at any places, with some of them killed, over two machines."""
    with TemporaryDirectory() as name, place_of(kind, Path(name), _no_server) as place:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=4)))
        for begin, end in pairwise([0, *cuts, len(events)]):
            machine = data.draw(st.sampled_from("AB"))
            session = place.opened(machine)
            for event in events[begin:end]:
                session.append([event], sync=data.draw(st.booleans()))
            if data.draw(st.booleans()):
                die(session)
                place.opened(machine).close()
            else:
                session.close()
            assert same(place.store("B" if machine == "A" else "A").read(), *events[:end])
        assert [line.event for line in place.store().history()] == events
