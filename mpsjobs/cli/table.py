"""Tables of plain text: as wide as their content, so that a script can cut them and a terminal wraps them."""

from collections.abc import Iterator, Sequence

from rich.cells import cell_len


def table_lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The head and the rows in columns, two spaces between them. Wide characters count as two cells."""
    widths = [max(cell_len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        yield "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
