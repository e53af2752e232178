"""How `mpsjobs.picks.yaml` is written: one line an address, in the order of addresses, so that merges are easy.

An edit touches the lines that it is about, and no other; comments stay, each above or behind the line that it belongs to.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent

from mpsjobs.model.decisions import Decision
from mpsjobs.spec.addresses import normal_address
from mpsjobs.spec.decisions import Read, decisions_in
from mpsjobs.spec.yaml import events

HEAD: Final = "# Which takes are used, and which never. Written by mpsjobs pick, reject and approve.\n"
SHORT_SUM: Final = 16
"""So many digits of the SHA-256 of a rejected take are written; of a picked one all are."""


def edited(text: str, after: Mapping[str, Decision | None]) -> str:
    """The text with these decisions by address in place of what it says of them; None takes a line out.

    `text` is one that `decisions_in` takes without problems; empty for a new file.
    """
    if all(decision is None for decision in after.values()) and not text.strip():
        return text
    lines = _Lines.read(text or f"{HEAD}\n")
    for address, decision in after.items():
        lines.put(address, decision)
    wanted = {**decisions_in(text).decisions, **after}
    said = {address: decision for address, decision in wanted.items() if decision is not None}
    made = lines.text()
    if decisions_in(made) == Read(said):
        return made
    return _Lines.anew(said, lines.newline).text()  # an anchor has gone that an alias needs


def formatted(text: str) -> str:
    """The text with one line an address, in order. `text` is one that `decisions_in` takes without problems."""
    lines = _Lines.read(text)
    decisions = decisions_in(text).decisions
    lines.blocks = [
        block.saying(decisions[block.address]) if block.address in decisions else block
        for block in sorted(lines.blocks, key=lambda block: block.address)
    ]
    return lines.text()


def line_of(address: str, decision: Decision) -> str:
    """`level1.boss: {take: 2, fingerprint: "f1:…", sha256: "…", approved: true, rejected: {1: "…"}}`."""
    parts: list[str] = []
    if decision.take is not None:
        parts.append(f"take: {decision.take}")
    parts.append(f'fingerprint: "{decision.fingerprint}"')
    if decision.sha256 is not None:
        parts.append(f'sha256: "{decision.sha256}"')
    if decision.approved:
        parts.append("approved: true")
    if decision.rejected:
        parts.append(f"rejected: {_rejected(decision.rejected)}")
    key = address if not address.startswith("-") else orjson.dumps(address).decode()
    return f"{key}: {{{', '.join(parts)}}}"


def _rejected(takes: Mapping[int, str | None]) -> str:
    if not any(takes.values()):
        return f"[{', '.join(map(str, sorted(takes)))}]"
    return f"{{{', '.join(f'{take}: {_quoted(takes[take])}' for take in sorted(takes))}}}"


def _quoted(sha256: str | None) -> str:
    return f'"{sha256}"' if sha256 else "null"


@dataclass(frozen=True, slots=True)
class _Block:
    """What belongs to one address: the comments and blank lines above it, and its own lines. `tail` closes the last of them."""

    address: str
    lead: tuple[str, ...]
    lines: tuple[str, ...]
    inner: tuple[str, ...] = ()
    tail: str = ""

    def saying(self, decision: Decision) -> "_Block":
        """The same in one line; comments from within come to stand above it."""
        line = line_of(self.address, decision)
        if self.lines == (f"{line}{self.tail}",):
            return self
        return replace(self, lead=(*self.lead, *self.inner), lines=(f"{line}{self.tail}",), inner=())


@dataclass(slots=True)
class _Lines:
    """The file in pieces. `head` and `foot` belong to no address."""

    head: tuple[str, ...] = ()
    blocks: list[_Block] = field(default_factory=list)
    foot: tuple[str, ...] = ()
    newline: str = "\n"

    @classmethod
    def read(cls, text: str) -> "_Lines":
        newline = "\r\n" if "\r\n" in text else "\n"
        text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        lines, made, at = text.split("\n"), cls(newline=newline), 0
        if lines[-1] == "":
            lines.pop()
        decisions = decisions_in(text).decisions
        for address, first, last, column in _extents(text):
            if first < at:  # several on one line, between braces: laid out anew
                return cls.anew(decisions, newline)
            lead = tuple(lines[at:first])
            if not made.blocks:
                made.head, lead = _parted(lead)
            tail = lines[last][column:]
            inner = tuple(
                line.strip()[line.strip().index("#") :] for line in lines[first:last] if "#" in line
            )
            made.blocks.append(_Block(address, lead, tuple(lines[first : last + 1]), inner, tail))
            at = last + 1
        made.foot = tuple(lines[at:])
        if not made.blocks:
            made.head, made.foot = made.foot, ()
        told = [block.address for block in made.blocks]
        closes = any("}" in line.partition("#")[0] for line in made.foot)
        if sorted(told) != sorted(decisions) or (made.blocks and closes):
            return cls.anew(decisions, newline)
        return made

    @classmethod
    def anew(cls, decisions: Mapping[str, Decision], newline: str) -> "_Lines":
        blocks = [_Block(each, (), (line_of(each, decisions[each]),)) for each in sorted(decisions)]
        return cls((), blocks, (), newline)

    def put(self, address: str, decision: Decision | None) -> None:
        known = next((i for i, block in enumerate(self.blocks) if block.address == address), None)
        if decision is None:
            if known is not None:
                gone = self.blocks.pop(known)
                self._keep(known, (*gone.lead, *gone.inner))
        elif known is not None:
            self.blocks[known] = self.blocks[known].saying(decision)
        else:
            place = next((i for i, block in enumerate(self.blocks) if block.address > address), None)
            new = _Block(address, (), (line_of(address, decision),))
            self.blocks.insert(len(self.blocks) if place is None else place, new)

    def _keep(self, place: int, lead: tuple[str, ...]) -> None:
        """Comments of a line that is gone stay where they were."""
        if not any(each.strip() for each in lead):
            return
        if place < len(self.blocks):
            after = self.blocks[place]
            self.blocks[place] = replace(after, lead=(*lead, *after.lead))
        else:
            self.foot = (*lead, *self.foot)

    def text(self) -> str:
        found = [*self.head]
        for block in self.blocks:
            found += [*block.lead, *block.lines]
        found += self.foot
        return "".join(f"{line}{self.newline}" for line in found)


def _parted(lead: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands above a blank line at the top belongs to the file, not to its first address."""
    blank = max((i for i, line in enumerate(lead) if not line.strip()), default=-1)
    return lead[: blank + 1], lead[blank + 1 :]


def _extents(text: str) -> Iterable[tuple[str, int, int, int]]:
    """Address, first line, last line, and the column where its value ends there; lines from 0."""
    depth, key, end = 0, None, None
    for event in events(text):
        kind = type(event)
        if kind is MappingStartEvent or kind.__name__ == "SequenceStartEvent":
            depth += 1
            continue
        if kind in {MappingEndEvent, SequenceEndEvent}:
            depth -= 1
            if event.end_mark.index > event.start_mark.index:  # of a flow: its bracket
                end = event.end_mark
            if depth == 1 and key is not None:
                yield _extent(key, end)
                key = None
            continue
        if kind in {ScalarEvent, AliasEvent}:
            if depth == 1 and key is None:
                key, end = event, event.end_mark
            else:
                end = event.end_mark
                if depth == 1 and key is not None:
                    yield _extent(key, end)
                    key = None


def _extent(key: Any, end: Any) -> tuple[str, int, int, int]:
    return normal_address(None, getattr(key, "value", "")), key.start_mark.line, end.line, end.column
