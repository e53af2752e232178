"""A state in a bucket that nobody can read or forge without its key."""

import base64
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.doctor.finding import Finding, Status
from mpsjobs.doctor.state import state as doctor_state
from mpsjobs.model.diagnostics import CloudError, StateError
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.settings import EncryptionSettings, StateSettings
from mpsjobs.state.adopt import adopt, roll_back
from mpsjobs.state.encryption import OVERHEAD, Encryption, TamperedError, is_encrypted
from mpsjobs.state.keys import Key, parse_keys, read_keys
from mpsjobs.state.shared_store import SharedStateStore
from mpsjobs.state.snapshot import Snapshot, encode_snapshot
from tests.state.histories import bought, folded, intended, recorded
from tests.state_places import BUCKET, KEY, Place, die

OLD, NEW = Key(b"o" * 32), Key(b"n" * 32)
HISTORY = [*bought(), recorded(), *bought("a2", take=2)]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, DirectoryStore(tmp_path / "buckets"), keys=(OLD,))


def plain(place: Place) -> Place:
    return replace(place, keys=())


def store(place: Place, **how: bool) -> SharedStateStore:
    """As it is seen from a machine that has nothing of it yet; `how` as for `Encryption`."""
    made = place.store(f"machine-{len(list(place.root.iterdir()))}")
    assert isinstance(made, SharedStateStore)
    if how:
        made._shared.encryption = Encryption(lambda: place.keys, **how)
    return made


def write(place: Place, *events: Any) -> None:
    with closing(place.opened()) as session:
        session.append(events)


def objects(place: Place) -> dict[str, bytes]:
    """Everything in the bucket, by what follows the state's key in its name."""
    root = place.root / "buckets" / BUCKET
    return {
        file.relative_to(root).as_posix().removeprefix(KEY): file.read_bytes()
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def put(place: Place, name: str, content: bytes) -> None:
    assert place.objects
    place.objects.put(ObjectRef(BUCKET, "r", KEY + name), content, content_type="x", metadata={})


def code(caught: pytest.ExceptionInfo[StateError]) -> str:
    return str(caught.value.diagnostics[0].code)


# --- what can be read and forged ----------------------------------------------------------------------------------------------------


def test_nothing_in_the_bucket_tells_what_was_bought(place: Place) -> None:
    """Neither while a run holds the state, nor when one was cut off, nor afterwards."""
    write(place, *bought())
    session = place.opened()
    session.append(HISTORY[4:])
    while_held = objects(place)
    die(session)
    place.opened().close()
    told = while_held | objects(place)
    assert {name.split("/")[0] for name in told} >= {"", ".head", ".heads", ".journal", ".lock"}
    for word in ("für", "prompt", "task-a", "menu", "audio/takes", "f1:x", "emulator", "Submit", "lineage"):
        assert not [name for name, content in told.items() if word.encode() in content], word
    assert [name for name, content in told.items() if not is_encrypted(content)] == [".lock"]
    assert b"emulator" in b"".join(objects(place).values()) or store(place).read().assets


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_content_comes_back_from_under_its_name_alone(content: bytes, name: str) -> None:
    encryption = Encryption(lambda: (NEW,))
    data = encryption.encrypt(content, name)
    assert len(data) == len(content) + OVERHEAD
    assert data != encryption.encrypt(content, name)
    assert Encryption(lambda: (OLD, NEW)).decrypt(data, name) == content
    with pytest.raises(TamperedError):
        encryption.decrypt(data, name + "x")


@given(st.integers(0, OVERHEAD + 9), st.integers(1, 255))
def test_whatever_byte_was_changed_it_does_not_open(at: int, flip: int) -> None:
    encryption = Encryption(lambda: (NEW,))
    data = bytearray(encryption.encrypt(b"ten bytes!", "name"))
    data[at] ^= flip
    if is_encrypted(bytes(data)):
        with pytest.raises((TamperedError, StateError)):
            encryption.decrypt(bytes(data), "name")


@given(st.integers(0, OVERHEAD - 1))
def test_what_is_cut_off_does_not_open(size: int) -> None:
    encryption = Encryption(lambda: (NEW,))
    data = encryption.encrypt(b"", "name")[:size]
    if is_encrypted(data):
        with pytest.raises((TamperedError, StateError)):
            encryption.decrypt(data, "name")


def test_an_object_that_was_changed_or_copied_is_not_trusted(place: Place) -> None:
    write(place, *bought())
    write(place, recorded())
    before, heads = store(place).read(), sorted(name for name in objects(place) if name.startswith(".heads/"))
    put(place, ".head", objects(place)[heads[0]])
    assert store(place).read() == before  # it is only a hint: the heads themselves tell
    put(place, heads[1], objects(place)[heads[0]])
    with pytest.raises(StateError, match="cannot be trusted") as caught:
        store(place).read()
    assert "lies under another name" in caught.value.diagnostics[0].detail
    put(place, ".head", b"")
    with pytest.raises(StateError):
        store(place).read()


# --- the key ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keys", "expected"), [((), "E0936"), ((NEW,), "E0939")])
def test_without_the_right_key_nothing_is_read_and_nothing_written(
    place: Place, keys: tuple[Key, ...], expected: str, tmp_path: Path
) -> None:
    """Above all it is never taken for a state with nothing in it, which would buy everything again; nor can it be replaced."""
    write(place, *HISTORY)
    before = objects(place)
    other = store(replace(place, keys=keys))
    pulled = tmp_path / "pulled.json"
    pulled.write_bytes(encode_snapshot(Snapshot(folded(*bought("b1")), 0)))
    for act in (
        other.read,
        lambda: other.open("apply", lock_timeout_s=0),
        lambda: list(other.history()),
        lambda: other.at(3),
        other.rebase,
        lambda: roll_back(other, 3, force=True),
        lambda: adopt(other, pulled, force=True),
    ):
        with pytest.raises(StateError) as caught:
            act()
        assert code(caught) == expected
    assert objects(place) == before


def test_a_snapshot_whose_key_is_not_here_is_not_replaced(place: Place, tmp_path: Path) -> None:
    """The head can be read, with the new key; the snapshot that it names cannot."""
    write(place, *HISTORY)
    both = replace(place, keys=(NEW, OLD))
    session = both.opened()
    session.append([intended("a3", take=3)])
    die(session)
    pulled = tmp_path / "pulled.json"
    pulled.write_bytes(encode_snapshot(Snapshot(folded(*bought("b1")), 0)))
    new = store(replace(place, keys=(NEW,)))
    with pytest.raises(StateError) as caught:
        adopt(new, pulled, force=True)
    assert code(caught) == "E0939"
    assert store(both).read().serial == len(HISTORY) + 1


def test_the_first_key_encrypts_and_all_of_them_read(place: Place) -> None:
    write(place, *HISTORY[:4])
    both = replace(place, keys=(NEW, OLD))
    write(both, *HISTORY[4:])
    for reader in (both, replace(place, keys=(OLD, NEW))):
        assert store(reader).read() == store(both).read()
        assert [line.event for line in store(reader).history()] == HISTORY
    only = replace(place, keys=(NEW,))
    assert store(only).read() == store(both).read()
    with pytest.raises(StateError, match="another key"):
        list(store(only).history())


def test_a_new_key_can_be_taken_without_waiting_for_the_next_apply(place: Place) -> None:
    write(place, *HISTORY)
    both = replace(place, keys=(NEW, OLD))
    assert store(both).rewrite()
    assert not store(both).rewrite()
    assert store(replace(place, keys=(NEW,))).read() == store(both).read()
    assert store(both).read().serial == len(HISTORY)


WORDS = [base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 251)]


@pytest.mark.parametrize(
    "text",
    [
        ",".join(WORDS),
        "\n".join(WORDS),
        f"# of 2026\n{WORDS[0]}\n\n  # of 2025\n {WORDS[1]} , {WORDS[2]}\n",
        " ".join(word.translate(str.maketrans("+/", "-_")).rstrip("=") for word in WORDS),
    ],
)
def test_keys_stand_on_lines_or_behind_commas(text: str) -> None:
    assert [key.secret[0] for key in parse_keys(text, "here")] == [1, 2, 251]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("# none\n", "none in the variable"),
        (base64.b64encode(b"s" * 16).decode(), "has 16 bytes; 32 are needed"),
        ("ab" * 32, "has 48 bytes; 32 are needed"),
        (f"{WORDS[0]},sësame", "Key 2 in the variable K is not base64"),
    ],
)
def test_what_is_no_key_is_said_without_it(text: str, why: str) -> None:
    with pytest.raises(StateError) as caught:
        parse_keys(text, "the variable K")
    (said,) = caught.value.diagnostics
    assert why in said.detail
    assert not [word for word in text.replace(",", " ").split() if len(word) > 6 and word in str(said)]
    assert "ooo" not in repr(OLD)


def test_keys_come_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "state.key").write_text(WORDS[0] + "\n")
    for settings in (
        EncryptionSettings(key_env="K"),
        EncryptionSettings(key_file="state.key"),
        EncryptionSettings(key_file="~/state.key"),
    ):
        assert read_keys(settings, tmp_path, {"K": WORDS[0]}) == (Key(b"\x01" * 32),)
    for settings, name in (
        (EncryptionSettings(key_env="K"), "variable K"),
        (EncryptionSettings(key_file="~/none"), "~/none"),
    ):
        with pytest.raises(StateError, match="no key") as caught:
            read_keys(settings, tmp_path, {"K": " "})
        assert name in caught.value.diagnostics[0].detail
    with pytest.raises(StateError, match="cannot be right") as caught:
        read_keys(EncryptionSettings(key_file=WORDS[0]), tmp_path, {})
    assert WORDS[0] not in str(caught.value.diagnostics)
    (tmp_path / "state.key").write_bytes(b"\xff\xfe" + OLD.secret)
    with pytest.raises(StateError, match="cannot be right"):
        read_keys(EncryptionSettings(key_file="state.key"), tmp_path, {})


def test_a_missing_library_is_named_with_the_line_that_installs_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place, *HISTORY)
    for name in [*sys.modules]:
        if name.startswith("cryptography"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(StateError, match="not installed") as caught:
        store(place).read()
    assert "pip install 'mpsjobs[encryption]'" in caught.value.diagnostics[0].hint


# --- from plain to encrypted, and back ----------------------------------------------------------------------------------------------


def test_a_plain_state_is_not_taken_for_an_encrypted_one_until_somebody_encrypts_it(place: Place) -> None:
    write(plain(place), *HISTORY)
    before = store(plain(place)).read()
    for act in (store(place).read, place.opened, lambda: list(store(place).history())):
        with pytest.raises(StateError) as caught:
            act()
        assert code(caught) == "E0940"
    assert store(place, reads_plain=True).rewrite()
    assert not store(place).rewrite()
    assert store(place).read() == before
    assert [line.event for line in store(place).history()] == HISTORY
    assert store(place).at(3).serial == 3
    write(place, recorded("boss"))
    assert [line.event for line in store(place).history()] == [*HISTORY, recorded("boss")]
    assert roll_back(store(place), 5, force=True).changed
    with pytest.raises(StateError) as caught:
        store(plain(place)).read()
    assert code(caught) == "E0936"


def test_what_is_plain_since_the_state_was_encrypted_was_put_there_by_somebody_else(
    place: Place, tmp_path: Path
) -> None:
    """A snapshot, a part of the journal, a head: none of them is believed."""
    write(plain(place), *bought())
    assert store(place, reads_plain=True).rewrite()
    session = place.opened()
    session.append([intended("a2", take=2)])
    die(session)
    sound = objects(place)
    forger = Place(tmp_path / "forger", DirectoryStore(tmp_path / "forger" / "buckets"))
    for number in range(1, 4):
        write(forger, intended(f"x{number}", take=number))
    forged = objects(forger)
    for name, content in (
        (".journal/00000003-0000000005.jsonl", forged[".journal/00000001-0000000001.jsonl"]),
        ("/0000000004-00000002.json", forged["/0000000003-00000003.json"]),
        (".heads/00000003.json", forged[".heads/00000003.json"]),
        (".heads/00000004.json", forged[".heads/00000003.json"]),
        (".head", forged[".head"]),
    ):
        put(place, name, content)
        with pytest.raises(StateError) as caught:
            store(place).open("apply", lock_timeout_s=0)
        assert code(caught) == "E0940", name
        if name != ".head":  # which is what tells whether it is plain yet
            with pytest.raises(StateError):
                store(replace(place, keys=(NEW, OLD))).rewrite()
        if ".heads" not in name:
            with pytest.raises(StateError):
                store(place).read()
        if name in sound:
            put(place, name, sound[name])
        else:
            (place.root / "buckets" / BUCKET / (KEY + name)).unlink()
    assert store(place).read().serial == 5


def test_an_encrypted_state_becomes_plain_again(place: Place) -> None:
    write(place, *HISTORY)
    leaving = store(place, writes=False)
    assert leaving.read().serial == len(HISTORY)
    assert leaving.rewrite()
    assert not leaving.rewrite()
    write(plain(place), recorded("boss"))
    assert store(plain(place)).read().serial == len(HISTORY) + 1
    assert [line.event for line in leaving.history()] == [*HISTORY, recorded("boss")]
    with pytest.raises(StateError) as caught:
        list(store(plain(place)).history())
    assert code(caught) == "E0936"
    assert store(place, reads_plain=True).rewrite()
    assert [line.event for line in store(place).history()] == [*HISTORY, recorded("boss")]


class Breaking(DirectoryStore):
    """Ends the process, so to speak, before a certain object is put."""

    left: int | None = None

    def put(self, ref: ObjectRef, *args: Any, **options: Any) -> Any:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise CloudError.of("cut off")
        return super().put(ref, *args, **options)


@pytest.fixture
def breaking(tmp_path: Path) -> Breaking:
    return Breaking(tmp_path / "buckets")


@pytest.mark.parametrize("puts", range(8))
def test_encrypting_can_be_cut_off_anywhere_and_done_again(
    tmp_path: Path, breaking: Breaking, puts: int
) -> None:
    place = Place(tmp_path, breaking, keys=(NEW,))
    write(plain(place), *HISTORY)
    before = store(plain(place)).read()
    breaking.left = puts
    with suppress(StateError):
        store(place, reads_plain=True).rewrite()
    breaking.left = None
    place.clock.sleep(100)
    store(place, reads_plain=True).rewrite()
    assert store(place).read() == before
    write(place, recorded("boss"))
    assert [line.event for line in store(place).history()] == [*HISTORY, recorded("boss")]


# --- doctor -------------------------------------------------------------------------------------------------------------------------


def test_doctor_looks_at_the_key(tmp_path: Path) -> None:
    file = tmp_path / "state.key"
    encryption = EncryptionSettings(key_file=file.name)
    settings = StateSettings("cos", encryption=encryption)

    def finding(name: str) -> Finding:
        place = Place(tmp_path, DirectoryStore(tmp_path / "buckets"))
        there = store(place)
        there._shared.encryption = Encryption(lambda: read_keys(encryption, tmp_path, {}))
        (found,) = (
            each for each in doctor_state(tmp_path, settings, there, place.clock) if each.name == name
        )
        return found

    assert (finding("state_key").status, finding("state").status) == (Status.FAILED, Status.OK)
    file.write_text(WORDS[0][:20])
    assert "32 are needed" in finding("state_key").detail
    file.write_text("\n".join(WORDS[:2]))
    file.chmod(0o644)
    assert "chmod 600" in finding("state_key").remedy
    file.chmod(0o600)
    assert "1 more can read" in finding("state_key").summary
    write(Place(tmp_path, DirectoryStore(tmp_path / "buckets"), keys=parse_keys(WORDS[0], "")), *HISTORY)
    assert "1 asset" in finding("state").summary
    file.write_text(WORDS[1])
    assert (finding("state_key").status, finding("state").status) == (Status.OK, Status.FAILED)
