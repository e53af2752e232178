"""Bytes that are no text, and files that are no files."""

import os
import stat
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import Diagnostic, Position, SpecError
from mpsjobs.spec.source import decode, read_text


def refused(data: bytes) -> Diagnostic:
    with pytest.raises(SpecError) as caught:
        decode(data, "a.yaml")
    return caught.value.diagnostics[0]


def test_a_byte_order_mark_is_no_text() -> None:
    assert decode(b"\xef\xbb\xbfa: b", "a.yaml") == "a: b"


@pytest.mark.parametrize(
    ("data", "summary", "line", "column"),
    [
        (b"a: b\nc: \xff", "The file is not UTF-8", 2, 4),
        ("é: ü".encode() + b"\xc3", "The file is not UTF-8", 1, 5),
        (b"\xef\xbb\xbfa\xff", "The file is not UTF-8", 1, 2),
        (b"a: b\r\nc: \x00", "A control character", 2, 4),
        (b"\x1b[0m", "A control character", 1, 1),
        ("a\x9f".encode(), "A control character", 1, 2),
        (b"\xff\xfea\x00", "The file is saved as UTF-16", 1, 1),
        (b"\xed\xa0\x80", "The file is not UTF-8", 1, 1),
    ],
)
def test_where_a_byte_does_not_fit(data: bytes, summary: str, line: int, column: int) -> None:
    found = refused(data)
    assert found.summary == summary
    assert found.position == Position("a.yaml", line, column)


def test_a_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    path.touch()
    os.truncate(path, 100 * 1024 * 1024)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("the size was to be looked at first"))
    with pytest.raises(SpecError, match="The file is too large"):
        read_text(path, "a.yaml")


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"x" * 10)
    monkeypatch.setattr(stat, "S_ISREG", lambda mode: path.write_bytes(b"x" * 100) == 100)
    with pytest.raises(SpecError, match="The file is too large"):
        read_text(path, "a.yaml", limit=50)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(SpecError, match="Not a file"):
        read_text(tmp_path / "a.yaml", "a.yaml")


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("a\0b", "x" * 5000, "nothing"):
        with pytest.raises(SpecError):
            read_text(tmp_path / name, "a.yaml")
