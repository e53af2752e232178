"""`mpsjobs explain`: the page of a code."""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import click

from mpsjobs.cli.options import printing
from mpsjobs.cli.output import Output
from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError

FAMILIES = {
    "E01": "YAML and files",
    "E02": "The shape of a spec",
    "E03": "Values and the catalogue",
    "E04": "Files that specs refer to",
    "E05": "Settings and environments",
    "E06": "Variables, expressions, matrices and tables",
    "E07": "What assets need of each other",
    "E08": "Plans and what a policy allows",
    "E09": "The state and its lock",
    "E10": "The cloud, the store and credentials",
    "E12": "Takes and decisions",
}

_PACKAGE = Path(__file__).parent.parent
# A wheel brings the pages along; beside a working copy they stand where people read them.
_PAGES = (_PACKAGE / "errors", _PACKAGE.parent / "docs" / "errors")


@click.command("explain", epilog="Example: mpsjobs explain E0201")
@click.argument("code", required=False)
@printing
def command(output: Output, *, code: str | None) -> None:
    """Explain the CODE of a message: what it means, an example, and why it matters; without one, list all codes."""
    chosen = [_known(code)] if code else list(Code)
    if output.json:
        codes: list[Json] = [
            {"code": each, "title": title(each), **({"page": page(each)} if code else {})} for each in chosen
        ]
        output.document({"format_version": 1, "codes": codes})
    elif code:
        output.result(page(chosen[0]).rstrip("\n"))
    else:
        for line in _listing():
            output.result(line)


def page(code: Code) -> str:
    """The page of a code, as Markdown."""
    file = next(path for folder in _PAGES if (path := folder / f"{code}.md").is_file())
    return file.read_text(encoding="utf-8")


def title(code: Code) -> str:
    return page(code).partition("\n")[0].partition(": ")[2]


def index() -> str:
    """The page that lists all pages."""
    lines = ["# Errors and warnings", ""]
    intro = (
        "Each kind of mistake has a code that never changes; `mpsjobs explain E0201` shows its page. Examples stand in a project whose "
        'settings are `project: example` with `defaults: {model: MiniMaxMusic, version: "2.6"}`, unless they bring their own. Each of '
        "them is tested: the wrong one makes this very mistake, the right one makes none."
    )
    lines += textwrap.wrap(intro, 130, break_long_words=False, break_on_hyphens=False)
    for family, name in FAMILIES.items():
        lines += ["", f"## {name}", "", "| code | |", "|---|---|"]
        lines += [f"| [{code}]({code}.md) | {title(code)} |" for code in Code if code.startswith(family)]
    return "\n".join(lines) + "\n"


def _listing() -> Iterator[str]:
    for number, (family, name) in enumerate(FAMILIES.items()):
        yield click.style(f"{chr(10) if number else ''}{name}", bold=True)
        yield from (f"  {code}  {title(code)}" for code in Code if code.startswith(family))


def _known(word: str) -> Code:
    """The code that somebody means: also in lower case, and with the brackets of a message.

    Raises:
        MpsjobsError: there is none.
    """
    wanted = word.strip().strip("[]").upper()
    if wanted in Code.__members__.values():
        return Code(wanted)
    near = next((code for code in Code if code.startswith(wanted[:4]) and len(wanted) >= len(code) - 1), None)
    raise MpsjobsError.of(
        f"There is no code {word[:40]!r}",
        detail="Codes are E and four digits.",
        hint=f'Did you mean "{near}"?' if near else "List them all: mpsjobs explain",
        code=Code.UNKNOWN_CODE,
    )


if __name__ == "__main__":
    click.echo(index(), nl=False)
