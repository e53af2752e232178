"""What is expected of a take, and what it misses. Takes no part in the fingerprint: no expectation ever makes a paid change by itself."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from mpsjobs.model.durations import seconds_of
from mpsjobs.model.measures import VIDEO, Measures

if TYPE_CHECKING:
    from mpsjobs.model.state import Output

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Range:
    """From `least` to `most`, both included; None: open at that end. In the unit of what it is about."""

    least: float | None
    most: float | None

    @classmethod
    def of(cls, text: str, unit: str) -> Self | None:
        """`-18..-14 LUFS`, `..-1 dBTP`, `30s..90s`; None for anything else. The unit may be left out, but of durations (`unit` is `s`)."""
        ends = text.strip().removesuffix(unit if unit != "s" else "").split("..")
        if len(ends) != 2:
            return None
        number = _seconds if unit == "s" else _plain
        try:
            least, most = (number(end.strip()) if end.strip() else None for end in ends)
        except ValueError:
            return None
        if (least is None and most is None) or (least is not None and most is not None and least > most):
            return None
        return cls(least, most)

    def holds(self, value: float) -> bool:
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def text(self, unit: str) -> str:
        """As it is written."""
        least, most = ("" if end is None else f"{end:g}" for end in (self.least, self.most))
        if unit == "s":
            return f"{least and least + 's'}..{most and most + 's'}"
        return f"{least}..{most} {unit}"


def _plain(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _seconds(text: str) -> float:
    seconds = seconds_of(text)
    if seconds is None:
        raise ValueError(text)
    return seconds


class OnFail(StrEnum):
    """What becomes of a take that misses an expectation.

    WARN: it is said. FAIL: it is said, and the exit code is 3. RETAKE: it is kept, not used, and another one is bought.
    """

    WARN = "warn"
    FAIL = "fail"
    RETAKE = "retake"


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is expected of each audio file of a take; None: nothing. `duration` and `silence` (the longest stretch) in seconds.

    `max_retakes` is how many takes may be bought, on top of those that are wanted, in place of takes that miss something.
    """

    duration: Range | None = None
    loudness: Range | None = None
    loudness_range: Range | None = None
    true_peak: Range | None = None
    silence: Range | None = None
    not_silent: bool = False
    clipping: bool = True
    format: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    on_fail: OnFail = OnFail.WARN
    max_retakes: int = 1

    def misses(self, output: "Output") -> Iterator[str]:
        """In words, what one file misses. Nothing of a file that nobody has measured yet."""
        if self.format and output.format != self.format:
            yield f"format is {output.format}, wanted {self.format}"
        if output.measures:
            yield from self._missed(output.measures)
        elif output.unmeasured and self != Expectations(
            format=self.format, on_fail=self.on_fail, max_retakes=self.max_retakes
        ):
            yield f"cannot be measured: {output.unmeasured}"

    def described(self) -> Iterator[str]:
        """What is expected, one thing after the other, as it is written."""
        ranges = (
            ("duration", self.duration, "s"),
            ("loudness", self.loudness, "LUFS"),
            ("loudness range", self.loudness_range, "LU"),
            ("true peak", self.true_peak, "dBTP"),
            ("silence", self.silence, "s"),
        )
        yield from (f"{name} {wanted.text(unit)}" for name, wanted, unit in ranges if wanted)
        yield from ["not silent"] if self.not_silent else []
        yield from [] if self.clipping else ["no clipping"]
        yield from [f"format {self.format}"] if self.format else []
        yield from [f"sample rate {self.sample_rate} Hz"] if self.sample_rate else []
        yield from [f"channels {self.channels}"] if self.channels else []

    def _missed(self, found: Measures) -> Iterator[str]:
        figures = (
            ("duration", self.duration, found.duration_s, "s", 2),
            ("loudness", self.loudness, found.loudness, "LUFS", 1),
            ("loudness range", self.loudness_range, found.loudness_range, "LU", 1),
            ("true peak", self.true_peak, found.true_peak, "dBTP", 1),
            ("silence", self.silence, found.silence_s, "s", 2),
        )
        for name, wanted, value, unit, digits in figures:
            if wanted is None or (value is None and wanted.least is None):
                continue  # what has no loudness is not too loud
            if value is None:
                yield f"{name} is not there, wanted {wanted.text(unit)}"
            elif not wanted.holds(value):
                yield f"{name} is {_exact(value, wanted, digits)} {unit}, wanted {wanted.text(unit)}"
        if self.not_silent and found.silent:
            yield "it is silent"
        if not self.clipping and found.clipped:
            yield f"it is clipped in {found.clipped} place{'s'[: found.clipped != 1]}"
        if self.sample_rate and found.sample_rate != self.sample_rate:
            yield f"sample rate is {found.sample_rate} Hz, wanted {self.sample_rate} Hz"
        if self.channels and found.channels != self.channels:
            yield f"channels are {found.channels}, wanted {self.channels}"


def _exact(value: float, wanted: Range, digits: int) -> str:
    """Rounded, but never to a value that would have been right."""
    rounded = round(value, digits)
    return f"{value:g}" if wanted.holds(rounded) else f"{rounded:g}"


NOTHING: Final = Expectations()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a take misses, in words; `unfit`: so much that it is not used."""

    misses: tuple[str, ...] = ()
    unfit: bool = False


def verdict(expected: Iterable[Expectations], outputs: "Iterable[Output]") -> Verdict:
    """Over everything that the assets of this sound expect: they share its takes."""
    audio = [output for output in outputs if output.format not in VIDEO]
    misses: dict[str, None] = {}
    unfit = False
    for each in expected:
        missed = dict.fromkeys(miss for output in audio for miss in each.misses(output))
        misses |= missed
        unfit |= bool(missed) and each.on_fail is OnFail.RETAKE
    return Verdict(tuple(misses), unfit)
