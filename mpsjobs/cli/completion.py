"""`mpsjobs completion`: the script by which a shell completes commands, options and addresses."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from mpsjobs.cli.options import printing
from mpsjobs.cli.output import Output

_VARIABLE = "_MPSJOBS_COMPLETE"
"""What click listens to."""
_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


_HELP = """Print what makes a shell complete commands, options and the addresses of the project.

\b
bash:  mpsjobs completion bash > ~/.local/share/bash-completion/completions/mpsjobs
zsh:   mpsjobs completion zsh > ~/.zfunc/_mpsjobs      (a folder that is in $fpath)
fish:  mpsjobs completion fish > ~/.config/fish/completions/mpsjobs.fish

Or for this shell only: eval "$(mpsjobs completion bash)"
"""


@click.command(
    "completion",
    help=_HELP,
    epilog="Example: mpsjobs completion bash > ~/.local/share/bash-completion/completions/mpsjobs",
)
@click.argument("shell", type=click.Choice(tuple(_SHELLS)))
@printing
def command(output: Output, *, shell: str) -> None:
    script = _SHELLS[shell](
        click.get_current_context().find_root().command, {}, "mpsjobs", _VARIABLE
    ).source()
    if output.json:
        output.document({"format_version": 1, "shell": shell, "script": script})
    else:
        output.result(script.strip("\n"))
