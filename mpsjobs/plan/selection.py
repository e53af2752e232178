"""Which assets a command is about, as its options say it: patterns of addresses, tags, spec files, failures and revisions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from mpsjobs.model.asset import Asset
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic
from mpsjobs.model.state import State
from mpsjobs.spec.suggest import did_you_mean

FAILED: Final = "failed:"
"""A pattern that means: whatever has failed, tried once more."""
TAG: Final = "tag:"
FILE: Final = "file:"
CHANGED_SINCE: Final = "changed-since:"
"""Before a git revision: whatever means something else there."""

_WAYS: Final = "level1.*, tag:NAME, file:specs/NAME.yaml, failed: and changed-since:REVISION"
_PLAIN_ONLY: Final = frozenset({"--replace", "--allow-regenerate"})
_GLOB: Final = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What patterns are held against. `files` are where the asset is written: its spec, and the table that it was made from."""

    address: str
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    failed: bool = False

    @classmethod
    def of(cls, asset: Asset, *, failed: bool = False) -> "Candidate":
        places = (asset.origin, asset.source) if asset.source else (asset.origin,)
        return cls(asset.address, asset.tags, tuple(place.file for place in places), failed)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Patterns by how they are looked up: ten thousand addresses cost no more than one."""

    addresses: frozenset[str]
    globs: tuple[str, ...]
    words: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "_Patterns":
        patterns = tuple(patterns)
        plain = [each for each in patterns if ":" not in each]
        return cls(
            frozenset(each for each in plain if _GLOB.isdisjoint(each)),
            tuple(each for each in plain if not _GLOB.isdisjoint(each)),
            tuple(each for each in patterns if ":" in each),
        )

    def match(self, address: str) -> bool:
        return address in self.addresses or any(fnmatchcase(address, glob) for glob in self.globs)


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns: addresses and globs (`level1.*`), `tag:menu`, `file:specs/*.yaml`, `failed:`, `changed-since:origin/main`.

    Without targets every asset is meant; what `exclude` names never is. `replace`, addresses and globs, asks for new takes in place of
    those that are there; like `failed:` and `retry`, it also tries again what was given up. At most `limit` assets are bought. `changed`
    has, by revision, the addresses that mean something else there. `regenerate`, addresses and globs, is a yes to another sound for what
    is approved.
    """

    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    retry: bool = False
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    changed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    regenerate: tuple[str, ...] = ()
    _targets: _Patterns = field(init=False, repr=False, compare=False)
    _replace: _Patterns = field(init=False, repr=False, compare=False)
    _exclude: _Patterns = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("targets", "replace", "exclude"):
            object.__setattr__(self, f"_{name}", _Patterns.of(getattr(self, name)))

    def includes(self, candidate: Candidate) -> bool:
        if self.targets and not self._fits(candidate, self._targets):
            return False
        return not self.excludes(candidate)

    def excludes(self, candidate: Candidate) -> bool:
        return bool(self.exclude) and self._fits(candidate, self._exclude)

    def replaces(self, address: str) -> bool:
        return self._replace.match(address)

    def may_regenerate(self, address: str) -> bool:
        return matches(address, self.regenerate)

    def retries(self, address: str) -> bool:
        """Whether a sound that failed for good may be tried again: only when that was said."""
        return self.retry or FAILED in self.targets or self.replaces(address)

    @property
    def everything(self) -> bool:
        return not (self.targets or self.exclude)

    @property
    def asks_for_failures(self) -> bool:
        return FAILED in self.targets or FAILED in self.exclude

    @property
    def revisions(self) -> frozenset[str]:
        """The git revisions that are compared with."""
        patterns = (*self.targets, *self.exclude)
        return frozenset(
            each.removeprefix(CHANGED_SINCE) for each in patterns if each.startswith(CHANGED_SINCE)
        )

    def _fits(self, candidate: Candidate, patterns: _Patterns) -> bool:
        return patterns.match(candidate.address) or any(
            self._fits_word(candidate, word) for word in patterns.words
        )

    def _fits_word(self, candidate: Candidate, pattern: str) -> bool:
        if pattern == FAILED:
            return candidate.failed
        if pattern.startswith(CHANGED_SINCE):
            return candidate.address in self.changed.get(pattern.removeprefix(CHANGED_SINCE), ())
        if pattern.startswith(TAG):
            return any(fnmatchcase(tag, pattern.removeprefix(TAG)) for tag in candidate.tags)
        if pattern.startswith(FILE):
            return any(fnmatchcase(file, _path(pattern)) for file in candidate.files)
        return False


EVERYTHING: Final = Selection()


def matches(address: str, patterns: Iterable[str]) -> bool:
    """Whether an address is one of these addresses and globs."""
    return any(fnmatchcase(address, pattern) for pattern in patterns)


def _path(pattern: str) -> str:
    return pattern.removeprefix(FILE).removeprefix("./")


def mistaken(selection: Selection, assets: Iterable[Asset], state: State) -> Iterator[Diagnostic]:
    """An error for each pattern that stands for nothing: a slip of the pen must not become a plan.

    `failed:` and `changed-since:` may well find nothing.
    """
    assets = tuple(assets)
    addresses = {asset.address for asset in assets} | state.assets.keys()
    tags = {tag for asset in assets for tag in asset.tags}
    files = {file for asset in assets for file in Candidate.of(asset).files}
    given = (
        ("--target", selection.targets),
        ("--exclude", selection.exclude),
        ("--replace", selection.replace),
        ("--allow-regenerate", selection.regenerate),
    )
    for option, patterns in given:
        for pattern in patterns:
            if pattern == FAILED or pattern.startswith(CHANGED_SINCE):
                if option in _PLAIN_ONLY:
                    yield _of_no_kind(option, pattern, f"{option} takes addresses and globs.")
            elif pattern.startswith(TAG) and option not in _PLAIN_ONLY:
                yield from _unknown(option, pattern, pattern.removeprefix(TAG), "tag", tags)
            elif pattern.startswith(FILE) and option not in _PLAIN_ONLY:
                yield from _unknown(option, pattern, _path(pattern), "spec file", files)
            elif ":" in pattern:
                yield _of_no_kind(option, pattern, f"These can be read: {_WAYS}.")
            else:
                yield from _unknown(option, pattern, pattern, "asset", addresses)


def _unknown(option: str, pattern: str, glob: str, what: str, known: set[str]) -> Iterator[Diagnostic]:
    if glob in known or any(fnmatchcase(each, glob) for each in known):
        return
    otherwise = "mpsjobs plan shows the addresses." if what == "asset" else _some(what, known)
    hint = did_you_mean(glob, sorted(known), otherwise) if _GLOB.isdisjoint(glob) else otherwise
    yield Diagnostic(
        f"{option} {pattern} stands for nothing",
        f"No {what} of this project fits it.",
        hint,
        code=Code.NOTHING_SELECTED,
    )


def _of_no_kind(option: str, pattern: str, hint: str) -> Diagnostic:
    return Diagnostic(
        f"{option} {pattern} cannot be read",
        "It is no pattern of this kind.",
        hint,
        code=Code.NOTHING_SELECTED,
    )


def _some(what: str, known: set[str]) -> str:
    shown = sorted(known)[:10]
    more = ", …" if len(known) > len(shown) else ""
    return f"There are: {', '.join(shown)}{more}." if shown else f"There is no {what} at all."
