"""Arbitrary bytes as settings, specs, texts and tables: diagnostics come of them, never a traceback, a hang or all of the memory.

    python -m tests.fuzz --seconds 3600            mutations of what lies in the repository
    python -m tests.fuzz --seconds 3600 --guided   the same target under atheris, guided by coverage (pip install --group fuzz)

The first bytes that break a promise are written to a file, and the exit code is 1.
"""

import argparse
import json
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.fmt import Kind, format_text
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.source import decode

REPOSITORY = Path(__file__).parents[1]
LONGEST_S = 30
"""Of CPU time, for one input. The slowest honest one takes well below a second."""
MEMORY = 1 << 30
"""Bytes beyond what the process has at the start."""
LONGEST_INPUT = 200_000

_SETTINGS = b"project: x\ndefaults: {model: MiniMaxMusic, version: '2.6'}\n"
_TEXT_SPEC = (
    b"assets:\n  a: {prompt: {file: data.txt}, lyrics: {file: data.txt}, reference_audio: {file: data.txt}}\n"
)
_TABLE_SPEC = b"assets:\n  cue:\n    for_each: {file: data.csv, key: id}\n    prompt: ${each.text}\n    takes: ${each.takes}\n"
_TOKENS = [
    *(b":", b": ", b"- ", b"? ", b"#", b" #", b"|", b">-\n", b"|+2\n", b"&a ", b"*a", b"<<: *a", b"!t ", b"---\n", b"...\n"),
    *(b"%YAML 1.1\n", b"{", b"}", b"[", b"]", b",", b"'", b'"', b"\\", b'"\\u', b"\t", b"\r\n", b"\r", b"\n\n", b"  "),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc2\x85", b"\xe2\x80\xa8", b"\xee\x80\x80", b";", b'""'),
    *(b"${", b"$${", b"${var.x}", b"${each.key}", b"${file('a')}", b"${asset.name}", b"~", b"null", b"no", b"1e999", b"9" * 500),
    *(b"group: ", b"assets:\n", b"defaults: ", b"matrix: ", b"for_each: ", b"variables: ", b"presets: ", b"preset: ", b"model: "),
    *(b"version: 2.10\n", b"takes: ", b"prompt: ", b"file: ", b"url: ", b"key: ", b"include: ", b"exclude: ", b"environments: "),
]  # fmt: skip


class Broken(Exception):  # noqa: N818  # a finding is not an error of the fuzzer
    """A promise was broken by an input."""


class Target:
    """A project in a folder of its own, of which one file is what comes in. `seen` counts what came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: Counter[str] = Counter()
        self.catalogue = load_catalogue()
        (folder / "specs").mkdir()
        self.surfaces: tuple[Callable[[bytes], None], ...] = (
            self.spec,
            self.settings,
            self.table,
            self.text,
            self.layout,
        )

    def __call__(self, data: bytes) -> None:
        """Let the first byte choose the surface, and the rest be the file.

        Raises:
            Broken: anything but diagnostics came of it.
        """
        surface = self.surfaces[data[0] % len(self.surfaces)] if data else self.spec
        self.seen[surface.__name__] += 1
        try:
            with _in_time():
                surface(data[1:])
        except MpsjobsError as error:
            self.seen["diagnostics"] += len(error.diagnostics)
            if not error.diagnostics or any(not each.summary for each in error.diagnostics):
                raise Broken("a mistake without a word about it") from error
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise Broken(f"{surface.__name__}: {type(error).__name__}: {error}") from error

    def spec(self, data: bytes) -> None:
        self._load(_SETTINGS, {"specs/a.yaml": data})

    def settings(self, data: bytes) -> None:
        self._load(data, {"specs/a.yaml": b"assets: {a: x}\n"})

    def table(self, data: bytes) -> None:
        self._load(_SETTINGS, {"specs/a.yaml": _TABLE_SPEC, "specs/data.csv": data})

    def text(self, data: bytes) -> None:
        self._load(_SETTINGS, {"specs/a.yaml": _TEXT_SPEC, "specs/data.txt": data})

    def layout(self, data: bytes) -> None:
        text = decode(data, "a.yaml")
        for kind in Kind:
            once = format_text(text, "a.yaml", kind)
            if format_text(once, "a.yaml", kind) != once:
                raise AssertionError("formatted twice is not formatted once")

    def _load(self, settings: bytes, files: dict[str, bytes]) -> None:
        for name, data in {"mpsjobs.yaml": settings, **files}.items():
            (self.folder / name).write_bytes(data)
        given, _ = load_settings(self.folder)
        load_assets(self.folder, given, load_catalogue(given.models), strict=True)


@contextmanager
def _in_time() -> Iterator[None]:
    def late(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {LONGEST_S} s of CPU time")

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def corpus() -> list[bytes]:
    """Everything in the repository that is read as settings, specs, texts or tables."""
    places = ("specs", "examples", "tests/testdata")
    paths = [
        REPOSITORY / "mpsjobs.yaml",
        *(path for place in places for path in sorted((REPOSITORY / place).rglob("*"))),
    ]
    files = [
        path.read_bytes()
        for path in paths
        if path.suffix in {".yaml", ".yml", ".csv", ".tsv", ".md", ".txt"} and path.is_file()
    ]
    suite = json.loads((REPOSITORY / "tests/testdata/yaml-suite/cases.json").read_text(encoding="utf-8"))
    tables = [
        b'id,text,takes\na,warm theme,2\nb,"two\nlines",\n',
        "id;text\né;„ö“\n".encode("utf-16"),
        b"id\ttext\n1\tx\n",
    ]
    return [*files, *(case["yaml"].encode() for case in suite.values()), *tables]


class Mutations:
    """Inputs made of the corpus: its pieces exchanged, indented, repeated, spoilt."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.corpus = corpus()

    def next(self) -> bytes:
        data = self.random.choice(self.corpus)
        for _ in range(self.random.choice((1, 1, 2, 3, 5, 9))):
            data = self.random.choice(self._changes())(data)[:LONGEST_INPUT]
        return bytes([self.random.randrange(256)]) + data

    def _changes(self) -> tuple[Callable[[bytes], bytes], ...]:
        return (
            self.spoil,
            self.insert,
            self.insert,
            self.cut,
            self.exchange,
            self.exchange,
            self.indent,
            self.repeat,
            self.reorder,
        )

    def place(self, data: bytes) -> int:
        return self.random.randint(0, len(data))

    def spoil(self, data: bytes) -> bytes:
        at = self.place(data)
        return data[:at] + self.random.randbytes(self.random.randint(1, 3)) + data[at + 1 :]

    def insert(self, data: bytes) -> bytes:
        at = self.place(data)
        return data[:at] + self.random.choice(_TOKENS) + data[at:]

    def cut(self, data: bytes) -> bytes:
        at = self.place(data)
        return data[:at] + data[at + self.random.choice((1, 2, 5, 20, 100)) :]

    def exchange(self, data: bytes) -> bytes:
        """Lines of another file in place of some of this one."""
        lines, other = data.split(b"\n"), self.random.choice(self.corpus).split(b"\n")
        at, of = self.random.randrange(len(lines)), self.random.randrange(len(other))
        lines[at : at + self.random.randint(0, 4)] = other[of : of + self.random.randint(1, 8)]
        return b"\n".join(lines)

    def indent(self, data: bytes) -> bytes:
        lines = data.split(b"\n")
        at = self.random.randrange(len(lines))
        end = at + self.random.randint(1, 5)
        by = self.random.choice((b" ", b"  ", b"    ", b"\t", b"- "))
        lines[at:end] = [by + line if self.random.random() < 0.8 else line.lstrip() for line in lines[at:end]]
        return b"\n".join(lines)

    def repeat(self, data: bytes) -> bytes:
        at = self.place(data)
        piece = data[at : at + self.random.choice((1, 3, 10, 60))]
        return data[:at] + piece * self.random.choice((2, 5, 50, 2000)) + data[at:]

    def reorder(self, data: bytes) -> bytes:
        lines = data.split(b"\n")
        one, other = (self.random.randrange(len(lines)) for _ in range(2))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\n".join(lines)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let whoever asks for more memory than there should be need of get a MemoryError."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def fuzz(seed: int, goes_on: Callable[[int], bool]) -> Counter[str]:
    """Try inputs for as long as `goes_on` says of their number, and say what came of them.

    Raises:
        Broken: with the input as its second argument.
    """
    mutations = Mutations(seed)
    with TemporaryDirectory() as folder, bounded_memory():
        target = Target(Path(folder))
        tried = 0
        while goes_on(tried):
            data = mutations.next()
            try:
                target(data)
            except Broken as broken:
                raise Broken(str(broken), data) from broken
            tried += 1
    return target.seen


def guided(seconds: int) -> None:
    """Let atheris choose the inputs. Never returns."""
    import atheris  # of the group `fuzz`

    atheris.instrument_all()
    with TemporaryDirectory() as seeds, TemporaryDirectory() as folder:
        for index, data in enumerate(corpus()):
            (Path(seeds) / str(index)).write_bytes(bytes([index % 256]) + data)
        arguments = [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST_INPUT}",
            "-rss_limit_mb=2048",
            seeds,
        ]
        atheris.Setup(arguments, Target(Path(folder)))
        atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--guided", action="store_true")
    options = parser.parse_args()
    if options.guided:
        guided(options.seconds)  # never comes back
    seconds: int = options.seconds
    end = time.monotonic() + seconds
    tell_at = time.monotonic()

    def goes_on(tried: int) -> bool:
        nonlocal tell_at
        now = time.monotonic()
        if now >= tell_at:
            sys.stderr.write(f"{tried} inputs, seed {options.seed}\n")
            tell_at = now + 60
        return now < end

    try:
        seen = fuzz(options.seed, goes_on)
    except Broken as broken:
        found = Path(f"fuzz-{options.seed}.bin").absolute()
        with suppress(IndexError):
            found.write_bytes(broken.args[1])
        sys.stdout.write(f"broken by {found}: {broken.args[0]}\n")
        return 1
    tried = sum(count for name, count in seen.items() if name != "diagnostics")
    sys.stdout.write(
        f"{tried} inputs, {seen['diagnostics']} diagnostics, no promise broken: {dict(sorted(seen.items()))}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
