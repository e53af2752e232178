"""Transcripts of the command line: files that hold commands and all that they printed.

A transcript is made of blocks, each with a head that begins with `==`::

    == file specs/music.yaml        the lines that follow become that file
    == remove specs/music.yaml
    == $ mpsjobs plan               a command, run in this process, its output no terminal
    == $ [80] mpsjobs plan          the same, with COLUMNS=80
    == $ [terminal 80] mpsjobs plan a process of its own on a real pseudo-terminal with 80 columns
    == $ [terminal 80 NO_COLOR] mpsjobs plan
    == $ [terminal 80 TERM=dumb] mpsjobs plan     the same with variables
    == $ [terminal 80 typed=yes] mpsjobs apply    the same, and the question is answered
    == $ [terminal 80 seen] mpsjobs apply         the same; what is seen at the end, where much was drawn and wiped away
    == exit 0                       what came of the command; these blocks are what a test compares
    == stdout
    == stderr
    == screen                       what the terminal got, escape sequences as ^[

`UPDATE_TRANSCRIPTS=1 pytest tests/transcripts` writes anew what came of the commands; read the difference before you commit it.
"""

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mpsjobs._version import __version__
from tests.conftest import Ran
from tests.terminal import Terminal

_RESULTS = ("exit", "stdout", "stderr", "screen")
_QUESTION = "Enter a value:"
_COMMAND = re.compile(r"\$ (?:\[(?P<where>[^]]*)\] )?mpsjobs ?(?P<arguments>.*)")


@dataclass(frozen=True)
class Block:
    head: str
    body: str = ""

    def __str__(self) -> str:
        return f"== {self.head}\n{self.body}"


def read(text: str) -> list[Block]:
    """The blocks of a transcript; what stands before the first is a comment with an empty head."""
    comment, *parts = re.split(r"^== ", text, flags=re.MULTILINE)
    blocks = [Block(head, body) for head, _, body in (part.partition("\n") for part in parts)]
    return [Block("", comment), *blocks]


def replay(text: str, root: Path, run: Callable[..., Ran]) -> str:
    """Do what a transcript says in the folder `root`, which is the current one, and write down what came of it."""
    written: list[str] = []
    for block in read(text):
        word, _, rest = block.head.partition(" ")
        if word in _RESULTS:
            continue
        written.append(str(block) if block.head else block.body)
        if word == "file":
            file = root / rest
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.body, encoding="utf-8")
        elif word == "remove":
            (root / rest).unlink()
        elif word == "$":
            results = _results(block.head, root, run)
            written[-1] = f"== {block.head}\n"
            written += [str(Block(head, filtered(body, root))) for head, body in results]
    return "".join(written)


def _results(head: str, root: Path, run: Callable[..., Ran]) -> Iterator[tuple[str, str]]:
    match = _COMMAND.fullmatch(head)
    assert match, head
    where, arguments = (match["where"] or "").split(), shlex.split(match["arguments"])
    if where[:1] == ["terminal"]:
        environ = {word.partition("=")[0]: word.partition("=")[2] or "1" for word in where[2:]}
        seen = bool(environ.pop("seen", ""))
        typed = environ.pop("typed", "")
        code, screen = on_terminal(arguments, root, int(where[1]), environ, typed=typed, seen=seen)
        yield f"exit {code}", ""
        yield "screen", screen
        return
    os.environ["COLUMNS"] = where[0] if where else "100"
    ran = run(*arguments)
    yield f"exit {int(ran.code)}", ""
    if ran.out:
        yield "stdout", _ended(ran.out)
    if ran.err:
        yield "stderr", _ended(ran.err)


def on_terminal(
    arguments: list[str], root: Path, columns: int, environ: dict[str, str], *, typed: str, seen: bool
) -> tuple[int, str]:
    """Run a process on a terminal: its exit code and what it wrote there, stdout and stderr as they came; `seen`: what is left of it.

    When it asks, `typed` is the answer.
    """
    with Terminal(root, *arguments, columns=columns, rows=24, paper=(300, 200), environ=environ) as terminal:
        if typed:
            terminal.until(lambda text: text.endswith(_QUESTION))
            terminal.press(f"{typed}\n".encode())
        code = terminal.wait()
    wrote = terminal.wrote.decode().replace("\r\n", "\n").replace("\x1b", "^[")
    return code, _ended(terminal.text if seen else wrote)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


_FILTERS = (
    (r"24000145AigcAudio-[0-9a-f]{32}", "TASK-ID"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
    (r"\b01[0-9a-hjkmnp-tv-z]{24}\b", "ATTEMPT"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "TIME"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (?=\S)", "TIME                 "),
    (r"(since|until|on) \d{4}-\d\d-\d\d", r"\1 DATE"),
    (r'"etag": "[^"]*"', '"etag": "ETAG"'),
    (r'"sha256": "[0-9a-f]{64}"', '"sha256": "SHA256"'),
    (r'sha256: (\\?")[0-9a-f]+', r"sha256: \1SHA256"),
    (r'(\d: \\?")[0-9a-f]{16}\b', r"\1SHA256"),
    (r'"(seconds|elapsed_s)": ?[\d.]+', r'"\1": SECONDS'),
    (r'"lineage": ?"[^"]*"', '"lineage": "LINEAGE"'),
    (r'"(python|host|who)": ?"[^"]*"', r'"\1": "…"'),
    (r'"serial": ?\d+', '"serial": SERIAL'),
    (r"ends with event \d+", "ends with event SERIAL"),
    (r"before-\d+-[0-9a-f]{8}", "before-SERIAL-SUM"),
    (r"draft of \d{4}-\d\d-\d\d", "draft of DATE"),
    (r"in \d+ ms", "in MS ms"),
    (r"[\d.]+ GiB", "SIZE GiB"),
    (r"is done after \d+s", "is done after SECONDS"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
)


def filtered(text: str, root: Path) -> str:
    """Without what differs from run to run: times, ids, folders, versions."""
    text = text.replace(str(root), "PROJECT").replace(__version__, "VERSION")
    for pattern, word in _FILTERS:
        text = re.sub(pattern, word, text)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)
