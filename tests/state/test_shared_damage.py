"""What somebody else does to the objects of a state in a bucket, and rights that are missing there."""

from contextlib import closing
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import StateError
from mpsjobs.model.events import RunFinished
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.state import State
from mpsjobs.state.adopt import roll_back
from tests.s3 import S3Server, s3_store
from tests.s3_proxy import resolving, s3_proxy
from tests.state.histories import AT, bought, recorded
from tests.state_places import BUCKET, KEY, REGION, Place, place_of

END = RunFinished(AT, "r", 0)
JUNK = [None, b"", b"null", b'{"version": 1']


@pytest.fixture(params=["folder", "encrypted"])
def place(request: pytest.FixtureRequest, tmp_path: Path, s3_server: S3Server) -> Place:
    """A state with two epochs, each with a snapshot."""
    with place_of(request.param, tmp_path / "place", lambda: s3_server) as place:
        for events in ([*bought(), recorded(), END], [*bought("a2", take=2), END]):
            with closing(place.opened()) as session:
                session.append(events)
        return place


def told(error: StateError) -> str:
    return " ".join(f"{each.detail} {each.hint}" for each in error.diagnostics)


def names(place: Place, begin: str) -> list[str]:
    assert place.objects
    listed = place.objects.list(ObjectRef(BUCKET, REGION, KEY + begin))
    return sorted(info.ref.key.removeprefix(KEY) for info in listed)


def spoil(place: Place, name: str, content: bytes | None) -> None:
    """Put something else there; None: nothing. Where the state is encrypted a byte is changed: what is plain is no damage there."""
    assert place.objects
    ref = ObjectRef(BUCKET, REGION, KEY + name)
    if place.encryption is not None and content is not None:
        content = (place.objects.read(ref) or b"")[:-1] + b"?"
    place.objects.delete(ref)
    if content is not None:
        place.objects.put(ref, content, content_type="", metadata={})


def whole(place: Place, machine: str) -> State:
    state = place.store(machine).read()
    assert (state.serial, len(state.pool("f1:x").takes)) == (11, 2)
    return state


@pytest.mark.parametrize("junk", JUNK)
def test_a_damaged_snapshot_is_made_anew_from_the_journal(place: Place, junk: bytes | None) -> None:
    before = whole(place, "A")
    first, last = names(place, "/")
    for name in (last, first):
        spoil(place, name, junk)
        assert whole(place, "B") == before
    assert place.store("B").at(6).serial == 6
    assert roll_back(place.store("B"), 6, force=True).changed
    with closing(place.opened("B")) as session:
        session.append([recorded("boss")])
    assert place.store("C").read().serial == 13


def test_what_was_damaged_is_not_remembered_on_this_machine(place: Place) -> None:
    before = whole(place, "A")
    assert place.objects
    last = names(place, "/")[-1]
    good = place.objects.read(ObjectRef(BUCKET, REGION, KEY + last))
    assert good
    spoil(place, last, b"")
    for part in names(place, ".journal/"):
        spoil(place, part, None)
    with pytest.raises(StateError, match="cannot be trusted"):
        place.store("B").read()
    assert whole(place, "A") == before  # this one has a copy
    place.objects.put(ObjectRef(BUCKET, REGION, KEY + last), good, content_type="", metadata={})
    assert whole(place, "B") == before


@pytest.mark.parametrize("junk", JUNK)
def test_a_damaged_hint_is_done_without(place: Place, junk: bytes | None) -> None:
    spoil(place, ".head", junk)
    whole(place, "B")
    with closing(place.opened("B")) as session:
        session.append([recorded("boss")])
    assert place.store("C").read().serial == 12


def test_a_hint_that_cannot_be_read_and_no_heads_is_not_a_new_state(place: Place) -> None:
    spoil(place, ".head", b"junk")
    for head in names(place, ".heads/"):
        spoil(place, head, None)
    with pytest.raises(StateError):
        place.store("B").read()


@pytest.mark.parametrize("known", [True, False])
def test_who_may_only_read_is_told_so_and_not_that_somebody_holds_the_lock(
    tmp_path: Path, s3_server: S3Server, *, known: bool
) -> None:
    s3_server.empty(BUCKET)
    with s3_proxy(s3_server.url) as proxy, resolving():
        proxy.addressing = "path"
        place = Place(tmp_path, s3_store(proxy.url, attempts=1))
        if known:
            with closing(place.opened()) as session:
                session.append(bought())
        proxy.denied = {"PUT"}
        with pytest.raises(StateError, match="cannot be written") as refused:
            place.opened("B")
        assert "AccessDenied" in told(refused.value)
        proxy.denied = {"GET"}
        with pytest.raises(StateError, match="cannot be read") as unread:
            place.store("B").read()
        assert "the right to list" in told(unread.value)


def test_a_bucket_that_is_not_there_is_looked_for_in_the_settings_of_the_state(
    tmp_path: Path, s3_server: S3Server
) -> None:
    s3_server.empty()
    with pytest.raises(StateError) as missing:
        Place(tmp_path, s3_store(s3_server.url, attempts=1)).store().read()
    assert "`state.bucket`" in told(missing.value)
