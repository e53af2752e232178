"""What a command said is said again as long as nothing that it depends on has changed: a plan without changes takes no time twice.

Nothing else of mpsjobs is imported for that. What a result depends on is not listed by hand: while the command works, every file that is
opened and every folder that is listed is noted, whoever does it, and so is the whole environment. A result is kept only if the command
says that it may be, and said again only if all of it is as it was, byte by byte. Whatever cannot be followed like this (another process,
a connection, words on stderr, a file that changed meanwhile) makes that nothing is kept.
"""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

COMMANDS: Final = frozenset({"plan", "fmt", "validate"})
"""What is remembered of: commands that only read."""
_FOLDER: Final = ".mpsjobs/cache/said"
_KEPT: Final = 16
"""So many results are kept in a project, the latest."""

_LARGEST: Final = 64 * 2**20
_RACY_NS: Final = 2 * 10**9
"""A file that changed so shortly ago could change once more without looking any different."""

_IRRELEVANT: Final = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
"""Variables that shells change with each command. All others count."""

_GONE: Final = ""


@dataclass(slots=True)
class Memory:
    """What one command line has said before, and what it says now."""

    file: Path
    said: list[str] = field(default_factory=list)
    code: int | None = None
    _folders: set[str] = field(default_factory=set)
    _files: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _git: bool = False
    _lost: bool = False

    def recall(self) -> tuple[str, int] | None:
        """The text and the exit code, if everything is as it was."""
        try:
            kept = orjson.loads(self.file.read_bytes())
            inputs, text, code = kept["inputs"], kept["text"], kept["code"]
            if any(_digest(kind, name) != digest for kind, name, digest in inputs):
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return str(text), int(code)

    def watch(self) -> None:
        """Note from now on what is read."""
        sys.addaudithook(self._on_event)

    def keep(self) -> None:
        """Keep what was said for the next time, if that is allowed. Never raises: it is only a cache."""
        seen, self._lost = self._lost, True  # what is opened from here on is our own
        if seen or self.code is None or sum(map(len, self.said)) > _LARGEST:
            return
        try:
            root = str(self.file.parents[3])
            absent = {os.path.dirname(name) for name, status in self._files.items() if not status}
            folders = sorted(self._folders | absent | {root})
            inputs = [("folder", name, _digest("folder", name)) for name in folders]
            for name, status in sorted(self._files.items()):
                digest = _digest("file", name)
                if _status(name) != status or (status and status[0] > time.time_ns() - _RACY_NS):
                    return
                inputs.append(("file", name, digest))
            if self._git:
                inputs.append(("git", root, _digest("git", root)))
            document = {"text": "".join(self.said), "code": self.code, "inputs": inputs}
            _write(self.file, orjson.dumps(document))
        except (OSError, ValueError):
            return

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._lost:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and (flags or 0) & os.O_ACCMODE != os.O_WRONLY:
                name = os.path.abspath(os.fsdecode(path))
                if not name.startswith(_OWN):
                    self._files.setdefault(name, _status(name))
        elif event in {"os.listdir", "os.scandir"}:
            folder = "." if arguments[0] is None else arguments[0]
            if isinstance(folder, int):  # open already: nobody can tell which one it is
                self._lost = True
            elif not (name := os.path.abspath(os.fsdecode(folder))).startswith(_OWN):
                self._folders.add(name)
        elif event == "subprocess.Popen":
            self._git = True
            self._lost = os.path.basename(os.fsdecode(arguments[0])) != "git"
        elif event == "socket.connect":
            self._lost = True


_PACKAGE: Final = str(Path(__file__).parents[1])
_OWN: Final = (_PACKAGE + os.sep, sys.prefix + os.sep, sys.base_prefix + os.sep, "/proc/", "/sys/", "/dev/")
"""What is opened here is the program itself, whose state `_stamp` holds, or tells of the machine."""

current: Memory | None = None


def of_command(arguments: Sequence[str]) -> Memory | None:
    """The memory of a command line; None where nothing is to be remembered."""
    global current  # noqa: PLW0603  # one command a process; its printer has to be able to tell
    words = [each for each in arguments if not each.startswith("-")]
    if not COMMANDS & set(words[:3]) or "--no-cache" in arguments or "-" in arguments:
        return None
    if os.environ.get("GITHUB_ACTIONS") or os.environ.get("MPSJOBS_LOG_LEVEL"):
        return None
    root = _root(arguments)
    if root is None:
        return None
    key = hashlib.blake2b(orjson.dumps([list(arguments), _surroundings(), _stamp()]), digest_size=16)
    current = Memory(root / _FOLDER / f"{key.hexdigest()}.json")
    return current


def heard(text: str) -> None:
    """A line of the result."""
    if current is not None:
        current.said.append(text + "\n")


def heard_beside() -> None:
    """Something was said on stderr, which is not kept: so nothing is."""
    if current is not None:
        current._lost = True  # noqa: SLF001


def repeatable(code: int) -> None:
    """What this command says now depends on nothing but what it reads: not on the time, the machine or the cloud."""
    if current is not None:
        current.code = code


def _root(arguments: Sequence[str]) -> Path | None:
    start = Path.cwd()
    for place, word in enumerate(arguments):
        if word == "-C" and place + 1 < len(arguments):
            start = Path(arguments[place + 1])
        elif word.startswith("-C") and len(word) > 2:  # -CDIR
            start = Path(word[2:])
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / "mpsjobs.yaml").is_file()), None)


def _surroundings() -> list[Any]:
    """What a result may depend on beside files: where the command runs, and how its output is to look."""
    terminal = sys.stdout.isatty()
    size = list(os.get_terminal_size(sys.stdout.fileno())) if terminal else []
    variables = sorted((name, value) for name, value in os.environ.items() if name not in _IRRELEVANT)
    encodable = [(name, value.encode("utf-8", "backslashreplace").decode()) for name, value in variables]
    return [str(Path.cwd()), terminal, size, encodable, sys.stdout.encoding]


def _stamp() -> list[Any]:
    """The program: every file of the package, and the folders that its libraries are in."""
    files: list[tuple[str, int, int]] = []
    folders = [_PACKAGE]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        folders.append(entry.path)
                else:
                    status = entry.stat()
                    files.append((entry.path, status.st_mtime_ns, status.st_size))
    libraries = [(path, *_status(path)) for path in sys.path if os.path.isdir(path)]
    return [sys.version, sorted(files), libraries]


def _status(name: str) -> tuple[int, ...]:
    """What changes when a file does; empty when it is not there."""
    try:
        status = os.stat(name)
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns


def _digest(kind: str, name: str) -> str:
    match kind:
        case "file":
            return _of_file(name)
        case "folder":
            return _of_folder(name)
        case "git":
            return _of_git(name)
        case _:
            raise ValueError(kind)


def _of_file(name: str) -> str:
    try:
        with open(name, "rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return _GONE


def _of_folder(name: str) -> str:
    """The names in a folder, hidden ones left out as when specs are looked for; what is a folder, and where links lead."""
    try:
        with os.scandir(name) as entries:
            names = sorted(
                (entry.name, entry.is_dir(), os.path.realpath(entry.path) if entry.is_symlink() else "")
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError:
        return _GONE
    return hashlib.blake2b(repr(names).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _of_git(root: str) -> str:
    """The commit that is checked out, and how far history is known here: without asking git, which takes longer than all the rest."""
    folder = next((each for each in (Path(root), *Path(root).parents) if (each / ".git").exists()), None)
    if folder is None:
        return _GONE
    git = folder / ".git"
    if git.is_file():  # a worktree
        git = folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    common = git / (git / "commondir").read_text().strip() if (git / "commondir").is_file() else git
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    ref = head.removeprefix("ref: ")
    parts = [
        head,
        *(
            _of_file(str(each))
            for each in (git / ref, common / ref, common / "packed-refs", common / "shallow")
        ),
    ]
    return " ".join(parts)


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_bytes(data)
    new.replace(file)
    others = sorted(file.parent.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    for old in others[:-_KEPT]:
        old.unlink(missing_ok=True)
