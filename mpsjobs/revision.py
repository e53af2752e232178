"""The specs as they stand at a git revision, and which assets mean something else there.

The project's files of that revision are laid out in a folder of their own: those that the working tree has unchanged as links to them, the
rest by git, with its filters. Neither the working tree nor the index is touched. Then they are read as any project is, so whatever an asset
depends on counts: prompts, tables, presets, settings.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mpsjobs.model.asset import StoreTarget
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.settings import Settings
from mpsjobs.plan.meaning import differing, meanings
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.project_files import SETTINGS_NAME
from mpsjobs.spec.settings import load_settings
from mpsjobs.spec.suggest import closest
from mpsjobs.spec.variables import Given

_SUBMODULE: Final = "160000"
_LINK: Final = "120000"


def changed_since(
    root: Path, revision: str, settings: Settings, loaded: Loaded, given: Given, scratch: Path
) -> frozenset[str]:
    """The addresses that mean something else in the working tree than at a revision, or are there in only one of the two.

    `loaded` is what the specs want now. A revision in which the folder was no project yet has no assets. `scratch` is a folder for a moment.

    Raises:
        SpecError: there is no git or no such revision, or its specs cannot be read.
    """
    now = meanings(loaded.assets, _publish_to(settings))
    with _laid_out(Repository.of(root), revision, scratch) as folder:
        if not (folder / SETTINGS_NAME).is_file():
            return frozenset(now)
        try:
            then = _meanings_in(folder, settings.environment, given)
        except SpecError as error:
            first = error.diagnostics[0]
            at = f" ({first.position})" if first.position else ""
            raise SpecError.of(
                f"The specs of {revision} cannot be compared with",
                detail=f"They hold mistakes, such as: {first.summary}{at}.",
                hint="Choose a revision that this mpsjobs can read, or select by address, tag or file.",
                code=Code.REVISION_UNREADABLE,
            ) from error
    return differing(now, then)


def _meanings_in(folder: Path, environment: str | None, given: Given) -> dict[str, tuple[Any, ...]]:
    settings, _ = load_settings(folder, environment)
    known = tuple(each for each in given.assignments if each[0] in settings.variables)
    loaded = load_assets(
        folder, settings, load_catalogue(settings.models), given=replace(given, assignments=known)
    )
    return meanings(loaded.assets, _publish_to(settings))


def _publish_to(settings: Settings) -> StoreTarget:
    return StoreTarget(settings.store.bucket, settings.store.region, settings.store.prefix)


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository that a project lies in. `prefix` is the way from its top to the project, empty or with a slash at its end."""

    root: Path
    top: Path
    prefix: str

    @classmethod
    def of(cls, root: Path) -> "Repository":
        """Raises SpecError where there is none, or no git."""
        if shutil.which("git") is None:
            raise _no_repository(
                "The program git was not found.", "Install git, or select by address, tag or file."
            )
        answer = _git(root, "rev-parse", "--show-toplevel", "--show-prefix")
        if answer.returncode:
            words = os.fsdecode(answer.stderr).strip().removeprefix("fatal: ")
            raise _no_repository(
                f"{root}: {words}.", "Select by address, tag or file; or put the project into git."
            )
        top, prefix = os.fsdecode(answer.stdout).removesuffix("\n").split("\n", 1)
        return cls(root, Path(top), prefix)

    def commit(self, revision: str) -> str:
        """The commit that a revision names.

        Raises:
            SpecError: there is none; in a shallow clone it may only not have been fetched.
        """
        if revision and not revision.startswith("-"):
            answer = _git(self.root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
            if not answer.returncode:
                return os.fsdecode(answer.stdout).strip()
        shallow = _git(self.root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"
        detail = "This clone is shallow: it has only the newest commits." if shallow else ""
        raise SpecError.of(
            f'There is no git revision "{revision}" here',
            detail=detail,
            hint=self._hint(revision, shallow=shallow),
            code=Code.NO_REVISION,
        )

    def _hint(self, revision: str, *, shallow: bool) -> str:
        remote, _, branch = revision.partition("/")
        if shallow:
            deeper = (
                "Fetch it: git fetch --unshallow; in GitHub Actions: `fetch-depth: 0` at actions/checkout"
            )
            return f"{deeper}."
        refs = _git(self.root, "for-each-ref", "--format=%(refname:short)").stdout
        names = os.fsdecode(refs).split()
        if near := closest(revision, names):
            return f'Did you mean "{near}"?'
        if branch and any(name.startswith(f"{remote}/") for name in names):
            return f"Fetch it: git fetch {remote} {branch}"
        return "Name a branch, a tag or a commit; git log shows them."

    def files(self, commit: str) -> dict[str, str]:
        """The project's files at a commit: their modes, by their paths from the project."""
        listing = self._told("ls-tree", "-r", "-z", commit)
        found = {}
        for entry in filter(None, os.fsdecode(listing).split("\0")):
            about, _, path = entry.partition("\t")
            mode = about.split(" ", 1)[0]
            if mode != _SUBMODULE:
                found[path] = mode
        return found

    def differing(self, commit: str) -> frozenset[str]:
        """The paths of the project that the working tree does not have as the commit has them, of those that git knows."""
        listing = self._told(
            "diff", "--name-only", "--no-renames", "--no-ext-diff", "--relative", "-z", commit, "--", "."
        )
        return frozenset(filter(None, os.fsdecode(listing).split("\0")))

    def check_out(self, commit: str, paths: list[str], base: Path) -> None:
        """Write these files of the project at a commit below `base`, where the repository's top is to be."""
        index = base / ".mpsjobs-index"
        environ = {"GIT_INDEX_FILE": str(index)}
        self._told("read-tree", commit, environ=environ)
        names = b"".join(os.fsencode(f"{self.prefix}{path}") + b"\0" for path in paths)
        self._told(
            "-C",
            str(self.top),
            "checkout-index",
            "-z",
            "--stdin",
            f"--prefix={base}/",
            environ=environ,
            stdin=names,
        )
        index.unlink()

    def _told(self, *arguments: str, environ: Mapping[str, str] = {}, stdin: bytes = b"") -> bytes:
        answer = _git(self.root, *arguments, environ=environ, stdin=stdin)
        if answer.returncode:
            raise SpecError.of(
                "The files of a git revision cannot be read",
                detail=os.fsdecode(answer.stderr).strip(),
                hint="Try it by hand: git checkout the revision in another worktree.",
                code=Code.REVISION_UNREADABLE,
            )
        return answer.stdout


@contextmanager
def _laid_out(repository: Repository, revision: str, scratch: Path) -> Iterator[Path]:
    """The project's folder at a revision, for as long as it is looked at."""
    commit = repository.commit(revision)
    files, other = repository.files(commit), repository.differing(commit)
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        where: Path | None = scratch
    except OSError:  # a project that may only be read
        where = None
    with tempfile.TemporaryDirectory(dir=where, prefix="revision-") as name:
        base = Path(name)
        folder = base / repository.prefix
        folder.mkdir(parents=True, exist_ok=True)
        rest = [
            path
            for path, mode in files.items()
            if path in other or mode == _LINK or not _linked(repository.root / path, folder / path)
        ]
        if rest:
            repository.check_out(commit, rest, base)
        yield folder


def _linked(file: Path, to: Path) -> bool:
    """Whether a file of the working tree could be given another name; it is only read there."""
    if file.is_symlink() or not file.is_file():
        return False
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        to.hardlink_to(file)
    except OSError:
        return False
    return True


def _git(
    folder: Path, *arguments: str, environ: Mapping[str, str] = {}, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],  # noqa: S607  # the user's own git
        input=stdin,
        capture_output=True,
        env={**os.environ, **environ},
        check=False,
    )


def _no_repository(detail: str, hint: str) -> SpecError:
    return SpecError.of(
        "There is no git revision to compare with", detail=detail, hint=hint, code=Code.NO_GIT
    )
