"""Tables as spreadsheets save them."""

from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.spec.tables import Item, read_table

ROWS = [["id", "Mood (en)", "text"], ["boss", "dark; heavy", "one\ntwo"], ["menü", "", 'a "b", c']]
HERE = Position("specs/a.yaml", 3, 5)


def saved(delimiter: str, newline: str) -> str:
    cells = [
        [
            '"' + cell.replace('"', '""') + '"' if any(char in cell for char in f'"\n{delimiter}') else cell
            for cell in row
        ]
        for row in ROWS
    ]
    return "".join(delimiter.join(row) + newline for row in cells)


def read(path: Path, data: bytes) -> list[Item]:
    path.write_bytes(data)
    return read_table(path, path.name, "id", HERE)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_table_is_read_however_it_was_saved(
    tmp_path: Path, encoding: str, delimiter: str, newline: str
) -> None:
    boss, menu = read(tmp_path / "cues.csv", saved(delimiter, newline).encode(encoding))
    assert [boss.key, menu.key] == ["boss", "menü"]
    assert boss.each.cells["Mood (en)"].value == "dark; heavy"
    assert boss.each.cells["text"].value == "one\ntwo"
    assert menu.each.cells["text"].value == 'a "b", c'
    assert "Mood (en)" not in menu.each.cells
    assert "Mood (en)" in menu.each.known
    assert [boss.each.row, menu.each.row] == [Position("cues.csv", 2), Position("cues.csv", 4)]


def test_rows_and_columns_without_anything_are_passed_over(tmp_path: Path) -> None:
    items = read(tmp_path / "a.csv", b"\n\nid,mood,,\n,,,\na,calm,,\n \nb,tense,,\n,,,\n")
    assert [(item.key, item.each.row.line) for item in items] == [("a", 5), ("b", 7)]


def test_texts_stay_what_they_are(tmp_path: Path) -> None:
    (item,) = read(tmp_path / "a.csv", b"id,number,word,equation\na,007,no,=1+1\n")
    cells = {name: cell.value for name, cell in item.each.cells.items()}
    assert cells == {"key": "a", "id": "a", "number": "007", "word": "no", "equation": "=1+1"}


@pytest.mark.parametrize(
    ("data", "summary", "line"),
    [
        ("id,mood\na,größer\n".encode("latin-1"), "The file is not UTF-8", 2),
        ("id\na\n".encode("utf-16")[:-1], "The file is cut off, or not UTF-16", 1),
        (b"id\na\x00\n", "A control character", 2),
        (b"id,x\na," + b"y" * 140_000, "A cell is too long", 2),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, data: bytes, summary: str, line: int) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path / "a.csv", data)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.summary == summary
    assert diagnostic.position
    assert (diagnostic.position.file, diagnostic.position.line) == ("a.csv", line)
