"""The group of commands, each loaded when it is called, and the one place where errors become exit codes."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from mpsjobs._version import __version__
from mpsjobs.cli.output import Output
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.spec.suggest import did_you_mean

_COMMANDS = {
    "apply": "mpsjobs.cli.apply",
    "approve": "mpsjobs.cli.approve",
    "check": "mpsjobs.cli.check",
    "completion": "mpsjobs.cli.completion",
    "destroy": "mpsjobs.cli.destroy",
    "doctor": "mpsjobs.cli.doctor",
    "download": "mpsjobs.cli.download",
    "emulator": "mpsjobs.cli.emulator",
    "explain": "mpsjobs.cli.explain",
    "export": "mpsjobs.cli.export",
    "fmt": "mpsjobs.cli.fmt",
    "force-unlock": "mpsjobs.cli.force_unlock",
    "gc": "mpsjobs.cli.gc",
    "graph": "mpsjobs.cli.graph",
    "import": "mpsjobs.cli.importing",
    "history": "mpsjobs.cli.history",
    "init": "mpsjobs.cli.init",
    "models": "mpsjobs.cli.models",
    "output": "mpsjobs.cli.outputs",
    "pick": "mpsjobs.cli.pick",
    "plan": "mpsjobs.cli.plan",
    "refresh": "mpsjobs.cli.refresh",
    "reject": "mpsjobs.cli.reject",
    "review": "mpsjobs.cli.review",
    "schema": "mpsjobs.cli.schema",
    "show": "mpsjobs.cli.show",
    "state": "mpsjobs.cli.state",
    "validate": "mpsjobs.cli.validate",
    "version": "mpsjobs.cli.version",
    "wait": "mpsjobs.cli.wait",
}

_FIRST_COMMANDS = """\
  mpsjobs init       make a project in this folder
  mpsjobs plan       show what apply would do, and what it would cost
  mpsjobs apply      generate what is new or changed; pay for nothing twice
  mpsjobs output     list the files that came out
  mpsjobs review     listen to it on a page in the browser, and choose takes
  mpsjobs doctor     check what an apply needs, without paying
"""

_HELP = f"""Infrastructure as code for generated audio.

\b
Write the audio that you want as YAML, look at the plan, apply it:
{_FIRST_COMMANDS}
Alone it says what to do next.
"""


class _Commands(click.Group):
    """Loads a command's module when the command is called, so that each starts quickly."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, _context: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(name, _COMMANDS, "See all: mpsjobs --help")
            raise click.UsageError(f'There is no command "{name}". {hint}', ctx)
        return super().resolve_command(ctx, args)


def _environments(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    from mpsjobs.cli.addresses import environments

    return environments(context, parameter, begun)


@click.command(
    cls=_Commands,
    help=_HELP,
    epilog="Example: mpsjobs -C examples/podcast plan",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="mpsjobs", message="%(prog)s %(version)s")
@click.option(
    "-C",
    "directory",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="The project's folder, instead of the nearest one upward.",
)
@click.option(
    "--env",
    "environment",
    metavar="NAME",
    envvar="MPSJOBS_ENV",
    shell_complete=_environments,
    help="The environment to work in (or the variable MPSJOBS_ENV); also after the command.",
)
@click.pass_context
def app(context: click.Context, directory: str | None, environment: str | None) -> None:
    context.obj = directory
    if environment:
        context.meta["mpsjobs.environment"] = environment
    if context.invoked_subcommand is None:
        from mpsjobs.cli.next_step import next_lines

        for line in (*next_lines(), "", _FIRST_COMMANDS, "All commands: mpsjobs --help"):
            click.echo(line)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Shows every error; no traceback unless the log level is debug."""
    output = Output.from_arguments(arguments)
    try:
        result = app.main(list(arguments), prog_name="mpsjobs", standalone_mode=False)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001  # the last line of defence: nobody sees a traceback unasked
        return _explain(error, output)
    return result if isinstance(result, int) else 0


def _explain(error: Exception, output: Output) -> int:
    match error:
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message())
            return 0
        case click.ClickException():
            error.show()
        case click.Abort():
            output.say("\nInterrupted.")
            return 130
        case MpsjobsError():
            output.errors(error.diagnostics)
        case BrokenPipeError():  # the reader has left; say no more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        case OSError():
            output.say(f"{click.style('error', fg='red', bold=True)}: {error}")
        case _:
            output.bug(error, "".join(traceback.format_exception(error)))
    return 1
