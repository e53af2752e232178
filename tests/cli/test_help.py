"""Help that helps: an example everywhere, the next command, completion with addresses, and a page that is current."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from mpsjobs.cli.reference import commands, reference
from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.conftest import SETTINGS, Folder, Ran

REPOSITORY = Path(__file__).parents[2]
EVERY = {context.command_path: context for context in commands()}


@pytest.mark.parametrize("path", EVERY)
def test_every_command_says_what_it_does_and_has_an_example(path: str, mpsjobs: Callable[..., Ran]) -> None:
    ran = mpsjobs(*path.split()[1:], "--help")
    assert ran.code == 0
    assert re.search("Example: .*mpsjobs ", ran.out)
    assert (EVERY[path].command.help or "").splitlines()[0].endswith((".", "audio."))


@pytest.mark.parametrize("path", EVERY)
def test_examples_are_command_lines_that_are_understood(path: str) -> None:
    example = (EVERY[path].command.epilog or "").removeprefix("Example: ")
    for part in example.replace("|", "&&").split("&&"):
        words = shlex.split(part.split(" >")[0])
        if words[0] == "mpsjobs":
            assert understood(words[1:]) in EVERY


def understood(words: list[str]) -> str:
    """Parse, and run nothing; the path of the command that is meant. Raises what click raises for what it does not understand."""
    command, name, parent = EVERY["mpsjobs"].command, "mpsjobs", None
    while True:
        context = command.make_context(name, list(words), parent=parent)
        if not isinstance(command, click.Group):
            return context.command_path
        taken = next(place for place, word in enumerate(words) if word in command.list_commands(context))
        found = command.get_command(context, words[taken])
        assert found is not None
        command, name, parent, words = found, words[taken], context, words[taken + 1 :]


def test_the_committed_page_of_commands_is_current() -> None:
    page = REPOSITORY / "docs" / "commands.md"
    assert page.read_text(encoding="utf-8") == reference(), (
        "run: python -m mpsjobs.cli.reference > docs/commands.md"
    )


def test_every_option_says_what_it_is() -> None:
    for path, context in EVERY.items():
        for each in context.command.params:
            assert not isinstance(each, click.Option) or each.help, f"{path} {each.name}"


# --- what next -----------------------------------------------------------------------------------------------------------------------


def next_of(ran: Ran) -> str:
    assert ran.code == 0
    return ran.out.split("Next: ")[1].splitlines()[0]


def test_alone_it_says_what_to_do_next(project: Folder, mpsjobs: Callable[..., Ran], tmp_path: Path) -> None:
    assert next_of(mpsjobs("-C", str(tmp_path))) == "mpsjobs init"
    project.write(music="assets: {a: x, b: y}\n")
    assert next_of(project()) == "mpsjobs plan"
    project("apply", "--auto-approve")
    assert next_of(project()) == "mpsjobs review --open"
    project.write(music="assets: {a: x, b: z}\n")
    ran = project()
    assert next_of(ran) == "mpsjobs plan"
    assert "1 to regenerate. 1 generation to pay." in ran.out
    project.write(music="assets: {a: x, b: }\n  c\n")
    assert next_of(project()) == "mpsjobs validate"
    project.settings("nonsense: true\n")
    assert next_of(project()) == "mpsjobs validate"
    assert project.bill()
    assert len(project.bill()) == 2


def test_alone_it_names_tasks_that_are_running(project: Folder, tmp_path: Path) -> None:
    project.write(music="assets: {a: x}\n")
    with Emulator(EmulatorConfig(data=tmp_path / "elsewhere", speed=0.001, audio="stub")) as emulator:
        project.settings(
            SETTINGS.replace("{kind: emulator,", f"{{kind: emulator, endpoint: '{emulator.url}',")
        )
        assert project("apply", "--detach", "--auto-approve").code == 0
        assert next_of(project()) == "mpsjobs wait"


def test_large_specs_are_not_read_on_the_side(project: Folder) -> None:
    project.write(music="assets: {a: x}\n")
    project("apply", "--auto-approve")
    project.write(more="# " + "x" * 400_000 + "\nthis is: [no spec\n")
    assert next_of(project()) == "mpsjobs plan"


def test_a_slip_in_a_command_is_mended(mpsjobs: Callable[..., Ran]) -> None:
    ran = mpsjobs("aply")
    assert ran.code == 1
    assert 'Did you mean "apply"?' in ran.err
    assert "mpsjobs --help" in mpsjobs("xyzzy").err


# --- completion ----------------------------------------------------------------------------------------------------------------------


def completed(project: Folder, line: str, **environ: str) -> list[str]:
    """What bash offers at the end of a line, from a process of its own, which must say nothing else."""
    words = line.split(" ")
    ran = subprocess.run(
        [sys.executable, "-c", "import sys; from mpsjobs.cli import main; sys.argv[0] = 'mpsjobs'; main()"],
        cwd=project.root,
        env=os.environ
        | {"_MPSJOBS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr == ""
    return [each.partition(",")[2] for each in ran.stdout.split()]


def test_addresses_are_completed_from_specs_and_state(project: Folder) -> None:
    project.write(music="group: level1\nassets: {boss: x, menu: y}\n")
    project("apply", "--auto-approve")
    project.write(music="group: level1\nassets: {boss: x, bonus: y}\n")
    assert completed(project, "mpsjobs plan --target level1.b") == ["level1.bonus", "level1.boss"]
    assert completed(project, "mpsjobs output level1.") == ["level1.boss", "level1.menu"]
    assert completed(project, "mpsjobs state show level1.m") == ["level1.menu"]
    assert completed(project, "mpsjobs download level1.m") == [
        "level1.m",
        "level1.menu",
    ]  # the first: folders
    assert completed(project, "mpsjobs val") == ["validate"]


def test_wherever_an_address_can_stand_it_is_completed() -> None:
    for path, context in EVERY.items():
        for each in context.command.params:
            if re.search(r"\b(ADDR|PATTERN|OLD|NEW)\b", each.make_metavar(context)):
                assert each._custom_shell_complete, f"{path} {each.name}"


def test_addresses_are_those_of_the_environment(project: Folder) -> None:
    project.settings(f"{SETTINGS}environments: {{dev: {{}}, prod: {{}}}}\n")
    project.write(music="assets: {a: x}\n")
    assert project("--env", "dev", "apply", "--auto-approve").code == 0
    assert completed(project, "mpsjobs --env dev output ") == ["a"]
    assert completed(project, "mpsjobs output --env dev ") == ["a"]
    assert completed(project, "mpsjobs --env prod output ") == []
    assert completed(project, "mpsjobs output ", MPSJOBS_ENV="dev") == ["a"]
    assert completed(project, "mpsjobs plan --env d") == ["dev"]
    assert completed(project, "mpsjobs --env p") == ["prod"]


def test_completion_is_silent_where_something_is_wrong(project: Folder) -> None:
    project.write(music="assets: {a: [}\n")
    assert completed(project, "mpsjobs plan --target ") == []
    project.settings("nonsense: true\n")
    assert completed(project, "mpsjobs plan --target ") == []
    (project.root / "mpsjobs.yaml").unlink()
    assert completed(project, "mpsjobs show ") == []


@pytest.mark.parametrize(
    ("shell", "mark"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --no-files")]
)
def test_the_script_of_each_shell(shell: str, mark: str, mpsjobs: Callable[..., Ran]) -> None:
    ran = mpsjobs("completion", shell)
    assert ran.code == 0
    assert mark in ran.out
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=ran.out, text=True, check=True, timeout=30)


def test_bash_completes_with_the_script(project: Folder, mpsjobs: Callable[..., Ran]) -> None:
    project.write(music="assets: {boss: x, menu: y}\n")
    script = project.root / "completion.bash"
    script.write_text(mpsjobs("completion", "bash").out)
    code = f"""
        source {shlex.quote(str(script))}
        mpsjobs() {{ {shlex.quote(sys.executable)} -m mpsjobs "$@"; }}; export -f mpsjobs
        COMP_WORDS=(mpsjobs plan --target b); COMP_CWORD=3
        _mpsjobs_completion {shlex.quote(str(Path(sys.executable).parent / "mpsjobs"))}
        echo "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(
        ["bash", "-c", code], cwd=project.root, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.split() == ["boss"]
