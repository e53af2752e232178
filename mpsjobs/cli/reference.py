"""The reference of the command line, as Markdown, from the commands themselves: `python -m mpsjobs.cli.reference`."""

import inspect
import sys
from collections.abc import Iterator

import click

from mpsjobs.cli.app import app
from mpsjobs.cli.documents import DOCUMENTS

_HEAD = """\
# Commands

Made by `python -m mpsjobs.cli.reference` from the commands themselves; a test keeps it current. `mpsjobs COMMAND --help` says the same.

Exit codes: 0 done, or nothing to do · 1 error · 2 `plan --detailed-exitcode` found changes · 3 some assets failed or are unresolved ·
130 interrupted. Results are on stdout, everything else on stderr.
"""

_EVERYWHERE = {"as_json", "no_color", "log_level", "log_format", "environment"}
"""Options of (nearly) every command, told once."""


def reference() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def commands() -> Iterator[click.Context]:
    """A context for every command and subcommand, and first for the command line as a whole."""
    yield from _below(click.Context(app, info_name="mpsjobs", **app.context_settings))


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            command = context.command.get_command(context, name)
            if command is not None:
                yield from _below(click.Context(command, info_name=name, parent=context))


def _lines() -> Iterator[str]:
    every = list(commands())
    yield from _HEAD.splitlines()
    yield from _part(every[0], "The command line", except_for=set())
    yield ""
    yield "Options of nearly every command:"
    yield ""
    plan = next(context for context in every if context.command_path == "mpsjobs plan")
    yield from _options(option for option in _params(plan) if option.name in _EVERYWHERE)
    for context in every[1:]:
        yield from _part(context, f"`{context.command_path}`", except_for=_EVERYWHERE)


def _part(context: click.Context, title: str, *, except_for: set[str]) -> Iterator[str]:
    command = context.command
    yield ""
    yield f"## {title}"
    yield ""
    usage = " ".join(command.collect_usage_pieces(context))
    yield from ("```", f"{context.command_path} {usage}", "```", "")
    yield from _prose(command.help or "")
    options = [option for option in _params(context) if option.name not in except_for]
    if options:
        yield ""
        yield from _options(iter(options))
    if names := DOCUMENTS.get(context.command_path.removeprefix("mpsjobs ")):
        yield ""
        yield f"JSON: {', '.join(f'`mpsjobs schema {name}`' for name in names)}"
    if command.epilog:
        yield ""
        yield f"Example: `{command.epilog.removeprefix('Example: ')}`"


def _params(context: click.Context) -> list[click.Option]:
    return [
        each
        for each in context.command.params  # without --help, which click adds
        if isinstance(each, click.Option) and not each.hidden
    ]


def _options(options: Iterator[click.Option]) -> Iterator[str]:
    yield "| option | |"
    yield "|---|---|"
    for option in options:
        names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len, reverse=True))
        takes = "" if option.is_flag else f" `{_takes(option)}`"
        default = f" Default: `{option.default}`." if option.show_default is True else ""
        yield f"| {names}{takes} | {option.help}{default} |".replace("<", "&lt;")


def _takes(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "\\|".join(option.type.choices)
    return option.metavar or option.type.name.upper()


def _prose(text: str) -> Iterator[str]:
    """Click's help as Markdown: what click leaves as it stands, behind a backspace, becomes a block of code."""
    for number, paragraph in enumerate(inspect.cleandoc(text).split("\n\n")):
        if number:
            yield ""
        lines = paragraph.strip("\n").splitlines()
        if lines[:1] == ["\b"]:
            yield from ("```", *lines[1:], "```")
        else:
            yield from (line.replace("<", "&lt;") for line in lines)


if __name__ == "__main__":
    sys.stdout.write(reference())
