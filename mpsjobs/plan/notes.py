"""What a plan tells beside its changes: the row that an asset was made from, and which sounds are shared."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from mpsjobs.model.change import Change, Kind
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, Related, Severity
from mpsjobs.plan.wanted import Wanted

MOST_GROUPS = 5
"""So many sounds are told of one by one."""
MOST_NAMES = 3


def with_row(change: Change, wanted: Mapping[str, Wanted]) -> Change:
    """The change, with the row of its asset in the message: `from specs/cues.csv:17`."""
    want = wanted.get(change.address)
    if want is None or want.asset.source is None or change.kind is Kind.KEEP:
        return change
    source = f"from {want.asset.source.file}:{want.asset.source.line}"
    return replace(change, message=f"{change.message}; {source}" if change.message else source)


def shared_sounds(changes: Iterable[Change], wanted: Mapping[str, Wanted]) -> Iterator[Diagnostic]:
    """A notice for each sound that several assets want, as long as one of them is not as it should be yet.

    Sharing is either what was meant or a slip.
    """
    groups: dict[str, list[str]] = {}
    news: set[str] = set()
    for change in changes:
        if change.fingerprint is not None and change.address in wanted:
            groups.setdefault(change.fingerprint, []).append(change.address)
            if change.kind is not Kind.KEEP:
                news.add(change.fingerprint)
    shared = [group for name, group in groups.items() if name in news and len(group) > 1]
    for group in shared[:MOST_GROUPS]:
        first, second = (wanted[address].asset for address in group[:2])
        more = len(group) - MOST_NAMES
        names = ", ".join(group[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")
        yield Diagnostic(
            f"{len(group):,} assets want the same sound and share its takes",
            f"They are {names}.",
            "If each shall have takes of its own, give them different words: `variation: b`.",
            Severity.NOTICE,
            second.source or second.origin,
            (Related(first.source or first.origin, "the first of them"),),
            code=Code.SHARED_SOUND,
        )
    if len(shared) > MOST_GROUPS:
        assets = sum(map(len, shared[MOST_GROUPS:]))
        rest = len(shared) - MOST_GROUPS
        yield Diagnostic(
            f"{rest:,} more sounds are shared by {assets:,} assets",
            severity=Severity.NOTICE,
            code=Code.SHARED_SOUND,
        )
