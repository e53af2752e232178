from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, strategies as st

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import Event, RunFinished, SubmitIntended
from mpsjobs.state.codec import (
    _EVENTS,
    DamagedLineError,
    Header,
    Line,
    decode_header,
    decode_line,
    encode_header,
    encode_line,
    line_document,
    line_of,
)
from mpsjobs.state.shape import ShapeError
from mpsjobs.state.snapshot import (
    UPGRADES,
    Snapshot,
    decode_errored,
    decode_snapshot,
    encode_errored,
    encode_snapshot,
    sealed,
)

from .histories import AT, bought, folded, histories, intended, recorded


def snapshot_document() -> Any:
    return orjson.loads(encode_snapshot(Snapshot(folded(*bought(), recorded()), 7)))


@given(histories())
def test_events_survive_the_journal_exactly(events: list[Event]) -> None:
    for seq, event in enumerate(events, 1):
        line = encode_line(Line(seq, seq - 1, event))
        assert line.count(b"\n") == 1
        assert orjson.loads(line)["type"] == type(event).__name__
        assert decode_line(line[:-1]) == Line(seq, seq - 1, event)


@given(histories())
def test_states_survive_the_snapshot_exactly(events: list[Event]) -> None:
    snapshot = Snapshot(folded(*events), 12)
    data = encode_snapshot(snapshot)
    assert decode_snapshot(data) == snapshot
    assert encode_snapshot(decode_snapshot(data)) == data


def test_a_state_of_before_publishing_is_read() -> None:
    document = snapshot_document()
    del document["checksum"], document["superseded"]
    assert document["assets"]["menu"]["published"] is None
    assert decode_snapshot(sealed(document)).state == folded(*bought(), recorded())


def test_every_event_has_a_form() -> None:
    assert set(_EVENTS) == {event.__name__ for event in get_args(Event)}


def test_the_snapshot_is_sorted_one_field_a_line_and_ends_in_a_newline() -> None:
    data = encode_snapshot(Snapshot(folded(*bought(), recorded()), 0)).decode()
    assert data.endswith("}\n")
    assert '\n      "status": "ready",\n' in data
    document = orjson.loads(data)
    assert list(document) == sorted(document)
    take = document["takes"]["f1:x"]["takes"][0]
    assert list(take) == sorted(take)
    assert (document["version"], document["assets"]["menu"]["pick"]) == (1, None)
    assert {"take", "realm", "attempt_id", "cos_path", "task_id", "outputs", "rejected", "inputs"} <= set(
        take
    )


@given(histories(6), st.data())
def test_no_single_changed_byte_goes_unnoticed(events: list[Event], data: st.DataObject) -> None:
    line = bytearray(encode_line(Line(1, 0, events[-1] if events else RunFinished(AT, "r", 0)))[:-1])
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedLineError):
        decode_line(bytes(line))


@pytest.mark.parametrize(
    "line", [b"", b"{}", b"null", b"<<<<<<< HEAD", b'{"seq":1,"sum":"0000000000000000"}']
)
def test_a_foreign_line_is_damaged(line: bytes) -> None:
    with pytest.raises(DamagedLineError):
        decode_line(line)


def test_a_header_is_not_an_event_and_the_reverse() -> None:
    header = encode_header(Header("L", 3))
    assert decode_header(header[:-1]) == Header("L", 3)
    with pytest.raises(StateError):
        decode_line(header[:-1])
    with pytest.raises(DamagedLineError):
        decode_header(encode_line(Line(1, 0, intended()))[:-1])


def test_a_newer_journal_or_event_asks_for_a_newer_mpsjobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpsjobs.state.codec.VERSION", 2)
    header = encode_header(Header("L", 0))
    monkeypatch.undo()
    with pytest.raises(StateError, match="newer mpsjobs"):
        decode_header(header[:-1])
    monkeypatch.setitem(_EVENTS, "RunFinished", _EVENTS["RunFinished"])
    line = encode_line(Line(1, 0, RunFinished(AT, "r", 0)))
    monkeypatch.delitem(_EVENTS, "RunFinished")
    with pytest.raises(StateError, match="does not understand"):
        decode_line(line[:-1])


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("assets", "menu", "takes"), "2", "assets.menu.takes: a whole number is expected, not text"),
        (("assets", "menu", "takes"), True, "a whole number is expected, not true or false"),
        (("assets", "menu", "status"), "fine", "assets.menu.status: one of ready, partial"),
        (("assets", "menu", "colour"), "red", "`colour` is not known here"),
        (("assets", "menu"), [], "assets.menu: an object is expected, not a list"),
        (
            ("takes", "f1:x", "takes", 0, "outputs", 0, "size"),
            None,
            "takes.f1:x.takes[0].outputs[0].size: a whole number",
        ),
        (("takes", "f1:x", "takes", 0, "inputs"), [1], "takes.f1:x.takes[0].inputs[0]: an object"),
        (("takes", "f1:x", "refused"), {"emulator": {}}, "refused.emulator: `code` is missing"),
        (("serial",), "5", "serial"),
        (("version",), None, "no `version`"),
    ],
)
def test_a_wrong_snapshot_says_where(path: tuple[Any, ...], value: Any, message: str) -> None:
    document = snapshot_document()
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ShapeError) as caught:
        decode_snapshot(sealed(document))
    assert message in str(caught.value)


def test_a_missing_field_with_a_default_is_read() -> None:
    document = snapshot_document()
    del document["assets"]["menu"]["lifecycle"]
    assert decode_snapshot(sealed(document)).state.assets["menu"].lifecycle == {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[]", "not a state"),
        (b'{"version": 1', "not whole JSON"),
        (b'{\n<<<<<<< HEAD\n"serial": 1\n=======\n"serial": 2\n>>>>>>> x\n}', "merge conflict"),
    ],
)
def test_what_is_no_snapshot_is_told_in_words(data: bytes, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        decode_snapshot(data)


def test_a_newer_snapshot_is_refused() -> None:
    with pytest.raises(StateError, match="newer mpsjobs"):
        decode_snapshot(sealed(snapshot_document() | {"version": 2}))


@pytest.mark.parametrize("version", [0, -1])
def test_a_version_that_never_was_is_told_in_words(version: int) -> None:
    with pytest.raises(ShapeError, match="no mpsjobs has ever written"):
        decode_snapshot(sealed(snapshot_document() | {"version": version}))


def test_an_older_version_is_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    old = snapshot_document()
    old["songs"] = old.pop("takes")
    data = sealed(old)
    head = encode_header(Header("L", 0))
    monkeypatch.setattr("mpsjobs.state.codec.VERSION", 3)
    monkeypatch.setitem(UPGRADES, 1, lambda document: document | {"takes": document["songs"]})
    monkeypatch.setitem(UPGRADES, 2, lambda document: document | {"commit": "upgraded"})
    snapshot = decode_snapshot(data)
    assert (snapshot.version, snapshot.state.commit) == (1, "upgraded")
    assert snapshot.state.pools == folded(*bought(), recorded()).pools
    assert decode_header(head[:-1]) == Header("L", 0)


@given(histories(6), st.data())
def test_no_changed_byte_of_a_snapshot_goes_unnoticed(events: list[Event], data: st.DataObject) -> None:
    whole = bytearray(encode_snapshot(Snapshot(folded(*events), 7)))
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((ShapeError, StateError)):
        decode_snapshot(bytes(whole))


def test_an_edit_by_hand_is_told_in_words() -> None:
    data = encode_snapshot(Snapshot(folded(*bought(), recorded()), 7))
    assert b'"ready"' in data
    for edited in (data.replace(b'"ready"', b'"failed"'), orjson.dumps(orjson.loads(data)), data + b"\n"):
        with pytest.raises(ShapeError, match="edited or damaged"):
            decode_snapshot(edited)


@given(histories(8), st.integers(0, 8))
def test_an_errored_state_survives_exactly_and_is_no_snapshot(events: list[Event], lost: int) -> None:
    state = folded(*events)
    lines = tuple(Line(seq, 0, event) for seq, event in enumerate(events, 1))[lost:]
    data = encode_errored(state, lines)
    errored = decode_errored(data)
    assert (errored.state, errored.lines) == (state, lines)
    with pytest.raises(ShapeError, match="mpsjobs state push"):
        decode_snapshot(data)
    with pytest.raises(ShapeError, match="no `unrecorded`"):
        decode_errored(encode_snapshot(Snapshot(state, 0)))


def test_an_intent_of_a_release_that_knew_no_inputs_is_read() -> None:
    document = orjson.loads(orjson.dumps(line_document(Line(1, 0, intended()))))
    del document["inputs"]
    event = line_of(document).event
    assert isinstance(event, SubmitIntended)
    assert event.inputs == ()


def test_a_take_keeps_what_it_is_made_from() -> None:
    (take,) = folded(*bought()).pool("f1:x").takes
    assert [(each.asset, each.take) for each in take.inputs] == [("theme", 2)]
