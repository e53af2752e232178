"""What commands print, down to the last word: see `transcript.py`."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest

from mpsjobs.cli.reference import commands
from tests.conftest import Ran
from tests.transcripts.transcript import replay

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.txt"))
UPDATE = os.environ.get("UPDATE_TRANSCRIPTS") == "1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_commands_print_what_the_transcript_says(
    file: Path, tmp_path: Path, mpsjobs: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "soundtrack"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "100")
    expected = file.read_text(encoding="utf-8")
    found = replay(expected, root, mpsjobs)
    if UPDATE:
        file.write_text(found, encoding="utf-8")
    assert found == expected, "if that is meant: UPDATE_TRANSCRIPTS=1 pytest tests/transcripts"


ANYWHERE = frozenset(
    {
        "--env",
        "--help",
        "--json",
        "--lock-timeout",
        "--log-format",
        "--log-level",
        "--no-cache",
        "--no-color",
        "--quiet",
        "--var",
        "--var-file",
    }
)
"""The same in every command, so one command is enough."""

ELSEWHERE = {
    "mpsjobs emulator": "it serves until it is stopped: tests/emulator/test_processes.py",
    "mpsjobs review --open": "it starts a browser",
    "mpsjobs fmt --stdin-name": "it names what comes from stdin: tests/cli/test_fmt.py",
}


def test_every_option_has_a_transcript() -> None:
    lines = [
        re.sub(r"^== \$ (\[[^]]*\] )?", "", line).split()
        for file in FILES
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("== $ ")
    ]
    missing = [
        f"{context.command_path} {option.opts[-1]}"
        for context in commands()
        for option in context.command.get_params(context)
        if isinstance(option, click.Option) and not option.hidden
        if not any(_shows(words, context, option) for words in lines)
    ]
    assert [each for each in missing if not any(each.startswith(known) for known in ELSEWHERE)] == []


def _shows(words: Sequence[str], context: click.Context, option: click.Option) -> bool:
    given = {word.partition("=")[0] for word in words}
    if not given.intersection((*option.opts, *option.secondary_opts)):
        return False
    return bool(ANYWHERE.intersection(option.opts)) or given.issuperset(context.command_path.split())


COMMANDS = [
    line
    for file in FILES
    for line in re.findall(
        r"^== \$ (?:\[[^]]*\] )?(mpsjobs.*)$", file.read_text(encoding="utf-8"), re.MULTILINE
    )
]


def shown_for(command: str) -> list[str]:
    return [line for line in COMMANDS if re.match(rf"{command}\b", line)]


def test_every_command_has_a_transcript() -> None:
    assert not [each.command_path for each in commands() if not shown_for(each.command_path)]


SHARED = {
    *("as_json", "no_color", "log_level", "log_format", "environment", "assignments", "files"),
    *("lock_timeout", "quiet", "no_cache"),
}
"""Options that mean the same wherever they are: a transcript with any command will do."""

WITHOUT = {
    "mpsjobs emulator": "it serves until it is stopped: tests/emulator; its help is a transcript",
    "mpsjobs fmt --stdin-name": "there is no stdin in a transcript: tests/cli/test_fmt.py",
    "mpsjobs review --open": "it starts a browser",
}


def test_every_flag_has_a_transcript() -> None:
    missing = [
        name
        for context in commands()
        for option in context.command.params
        if isinstance(option, click.Option) and context.command_path not in WITHOUT
        for name in [f"{context.command_path} {max(option.opts, key=len)}"]
        if name not in WITHOUT
        and not any(
            has(line, option)
            for line in (COMMANDS if option.name in SHARED else shown_for(context.command_path))
        )
    ]
    assert not missing


def has(line: str, option: click.Option) -> bool:
    return any(re.search(rf"(?<!\S){re.escape(name)}(?=[\s=]|$)", line) for name in option.opts)
