"""What was measured, as rows that can be compared with those of another day: ratios, not seconds, so that machines may differ."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mpsjobs._version import __version__

RESULTS = Path(__file__).parent / "results"
_WORSE = 1.25
"""A ratio that is so much worse than the last committed one is reported."""


@dataclass(frozen=True)
class Row:
    """`value` against `goal`: at most, or at least where `more` is better. `detail` says what was measured. `value` None: skipped."""

    what: str
    value: float | None
    goal: float | None
    unit: str
    detail: str
    more: bool = False

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "skipped"
        if self.goal is None:
            return ""
        return "met" if (self.value >= self.goal) == self.more or self.value == self.goal else "MISSED"


def document(rows: Sequence[Row], runs: int) -> dict[str, Any]:
    return {
        "format_version": 1,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "machine": {
            "system": platform.platform(terse=True),
            "processor": _processor(),
            "python": platform.python_version(),
            "packages": {name: version(name) for name in ("pydantic", "ruamel.yaml", "orjson", "click")},
        },
        "runs": runs,
        "rows": [asdict(row) | {"verdict": row.verdict} for row in rows],
    }


def markdown(rows: Sequence[Row]) -> str:
    lines = ["| what | measured | goal | | how |", "|---|---|---|---|---|"]
    for row in rows:
        sign = "≥" if row.more else "≤"
        goal = "" if row.goal is None else f"{sign} {row.goal:g} {row.unit}"
        value = "–" if row.value is None else f"{_figure(row.value)} {row.unit}"
        lines.append(f"| {row.what} | {value} | {goal} | {row.verdict} | {row.detail} |")
    return "\n".join(lines)


def regressions(rows: Sequence[Row]) -> list[str]:
    """What is worse than in the last result that is there, in words."""
    results = sorted(RESULTS.glob("*.json"))
    if not results:
        return []
    last = json.loads(results[-1].read_text(encoding="utf-8"))
    before = {row["what"]: row["value"] for row in last["rows"]}
    told = []
    for row in rows:
        old = before.get(row.what)
        if row.value is None or not old:
            continue
        ratio = old / row.value if row.more else row.value / old
        if ratio > _WORSE:
            told.append(
                f"{row.what}: {_figure(row.value)} {row.unit}, it was {_figure(old)} ({results[-1].name})"
            )
    return told


def put_into_docs(found: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """The table, with what it was measured on, between the two marks of the page."""
    page = RESULTS.parents[1] / "docs" / "performance.md"
    head, begin, rest = page.read_text(encoding="utf-8").partition("<!-- begin of the table -->\n")
    _, end, tail = rest.partition("<!-- end of the table -->")
    machine = found["machine"]
    packages = ", ".join(f"{name} {each}" for name, each in machine["packages"].items())
    where = f"{machine['processor']}, {machine['system']}, Python {machine['python']}, {packages}"
    text = (
        f"Measured on {str(found['at'])[:10]} with mpsjobs {found['version']}: {where}.\n\n{markdown(rows)}\n"
    )
    page.write_text(f"{head}{begin}{text}{end}{tail}", encoding="utf-8")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
