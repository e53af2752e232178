"""The question before something is done that cannot be taken back."""

import sys

import click

from mpsjobs.cli.output import Output


def ask(output: Output, *, answer: str = "yes", what: str = "the plan", price: str = "") -> bool:
    """Whether the person at the terminal says `answer`, to the letter. `price` is what the question begins with: what a yes costs.

    Raises:
        click.UsageError: nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise click.UsageError(f"There is no terminal to ask on. Look at {what} and say --auto-approve.")
    output.say()
    output.say(
        f"{price}{' ' if price else ''}Do you want mpsjobs to do this? Only '{answer}' is taken as a yes."
    )
    return str(click.prompt("Enter a value", err=True, default="", show_default=False)).strip() == answer
