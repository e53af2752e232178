"""What was measured, in words."""

from collections.abc import Iterator

from mpsjobs.model.measures import Measures
from mpsjobs.model.state import Output

HEAD = ("MEASURED", "LENGTH", "LOUDNESS", "RANGE", "TRUE PEAK", "SOUND")


def figure_row(name: str, output: Output) -> tuple[str, ...] | None:
    """The figures of an output, under `HEAD`; None when nobody has measured it yet."""
    found = output.measures
    if found is None:
        return (name, "-", "-", "-", "-", f"not measured: {output.unmeasured}") if output.unmeasured else None
    return (
        name,
        f"{found.duration_s:.1f} s",
        _or_dash(found.loudness, "LUFS"),
        _or_dash(found.loudness_range, "LU"),
        _or_dash(found.true_peak, "dBTP"),
        ", ".join(_sound(output.format, found)),
    )


def _sound(form: str, found: Measures) -> Iterator[str]:
    yield f"{form} {found.sample_rate / 1000:g} kHz {_channels(found.channels)} {found.bitrate / 1000:.0f} kbit/s"
    if found.silent:
        yield "silent"
    elif found.silence_s >= 1:
        yield f"silent for {found.silence_s:.1f} s"
    if found.clipped:
        yield f"clipped in {found.clipped} place{'s'[: found.clipped != 1]}"
    if abs(found.dc_offset) >= 0.01:
        yield f"offset of {100 * found.dc_offset:.0f} %"


def _channels(number: int) -> str:
    return {1: "mono", 2: "stereo"}.get(number, f"{number} channels")


def _or_dash(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.1f} {unit}"
