"""Imports: tasks and objects from elsewhere that become takes, unless the state has them already."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mpsjobs.model.change import Import
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Severity
from mpsjobs.model.ports import ObjectRef
from mpsjobs.model.state import State, Take
from mpsjobs.model.statements import Imported, object_name
from mpsjobs.plan.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Known:
    """What the state has by the names of imports: fingerprint and take."""

    takes: Mapping[str, tuple[str, Take]]

    @classmethod
    def of(cls, state: State) -> "Known":
        return cls(
            {name: (fingerprint, take) for fingerprint, take in state.takes() for name in _names(take)}
        )

    def find(self, said: Imported) -> tuple[str, Take] | None:
        return self.takes.get(said.name)


def _names(take: Take) -> Iterator[str]:
    if take.imported:
        yield take.imported
    if take.task_id:
        yield f"task {take.task_id}"
    for output in take.outputs:
        yield object_name(ObjectRef(output.bucket, output.region, output.key))


@dataclass(slots=True)
class Imports:
    """What a plan imports. `said` is what the specs say; what the state has is left out."""

    said: Sequence[Imported]
    state: State
    _waiting: dict[str, list[Imported]] = field(init=False)
    _known: Known = field(init=False)
    _planned: dict[str, list[tuple[Wanted, Imported]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._waiting, self._known = {}, Known.of(self.state) if self.said else Known({})
        for each in self.said:
            if not self._known.find(each):
                self._waiting.setdefault(each.to, []).append(each)

    def planned(self, fingerprint: str) -> int:
        return len(self._planned.get(fingerprint, ()))

    def plan(self, want: Wanted) -> tuple[Imported, ...]:
        """Note what becomes a take of this asset."""
        said = tuple(self._waiting.get(want.asset.address, ()))
        if said:
            self._planned.setdefault(want.fingerprint, []).extend((want, each) for each in said)
        return said

    def actions(self, first_numbers: Mapping[str, int]) -> tuple[Import, ...]:
        """What apply does, with the number that the first of each fingerprint gets."""
        return tuple(
            Import(want.asset, fingerprint, want.fields, number, each)
            for fingerprint, planned in self._planned.items()
            for number, (want, each) in enumerate(planned, first_numbers[fingerprint])
        )

    @property
    def fingerprints(self) -> Iterable[str]:
        return self._planned.keys()

    def elsewhere(self, wanted: Mapping[str, Wanted]) -> Iterator[Diagnostic]:
        """What the state has already, though not as an import, and for another sound."""
        for each in self.said:
            found, want = self._known.find(each), wanted.get(each.to)
            if found and want and found[1].imported is None and found[0] != want.fingerprint:
                take = found[1]
                yield Diagnostic(
                    f"What is imported to {each.to} is a take already",
                    f"The {each.name} is take {take.take} of another sound, made for {take.address}. Nothing is imported.",
                    f"Remove the import. To use that take, give {each.to} the same sound.",
                    Severity.WARNING,
                    each.at,
                    code=Code.IMPORTED_TWICE,
                )


def told(said: Sequence[Imported]) -> str | None:
    """In words: what is imported."""
    return f"imported, free: {', '.join(each.name for each in said)}" if said else None
