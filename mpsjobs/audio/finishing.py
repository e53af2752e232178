"""Making finished files of a take: cut, faded, brought to a loudness, written. The same take and settings give the same bytes.

The gain is one for the whole file: what is loud stays louder than what is soft, and no limiter colours the sound. So a file becomes as loud
as is wanted or as its true peak allows, whichever is less. Encoders change both a little; that is measured in what they wrote, and mended.
"""

import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from mpsjobs.audio.loudness import Loudness, Samples, TruePeak
from mpsjobs.audio.measuring import measure
from mpsjobs.model.mastering import Mastering

if TYPE_CHECKING:
    pass

_MARGIN_S: Final = 0.02
"""So much of the silence stays, so that no attack and no end is cut off."""

_TRIES: Final = 4
_NEAR: Final = 0.1
"""LU and dB: nearer than this nobody hears, and R 128 does not measure."""

_FINE: Final = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"})
_BLOCK: Final = 1 << 16


class UnfinishedError(Exception):
    """No finished file can be made of it; the text says why."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The frames of a file that are kept, faded out over the last `fade` of them."""

    path: Path
    start: int
    stop: int
    fade: int

    def blocks(self) -> Iterator[Samples]:
        """Arrays of channels by frames, one block after the other."""
        import soundfile

        with soundfile.SoundFile(str(self.path)) as file:
            file.seek(self.start)
            at, length = 0, self.stop - self.start
            while at < length:
                block = file.read(min(_BLOCK, length - at), dtype="float64", always_2d=True)
                if not len(block):
                    return
                left = length - np.arange(at, at + len(block))
                ramp = np.clip(left / self.fade, 0.0, 1.0) if self.fade else np.ones(len(block))
                at += len(block)
                yield np.ascontiguousarray((block * (ramp * ramp)[:, None]).T)


def finish(source: Path, mastering: Mastering, form: str, target: Path) -> None:
    """Write the finished file of one format.

    Raises:
        UnfinishedError: it is silent, is no audio, or cannot be written in this format.
        OSError: a file cannot be read or written.
    """
    import soundfile

    seen = measure(source)
    if seen.measures is None:
        raise UnfinishedError(seen.unmeasured or "it cannot be measured")
    if seen.measures.silent:
        raise UnfinishedError("it is silent")
    try:
        with soundfile.SoundFile(str(source)) as file:
            rate, channels, frames, fine = file.samplerate, file.channels, file.frames, file.subtype in _FINE
        start, stop = 0, frames
        if mastering.trim_silence:
            start = max(0, round((seen.measures.silence_start_s - _MARGIN_S) * rate))
            stop = min(frames, frames - round((seen.measures.silence_end_s - _MARGIN_S) * rate))
        fade = min(round((mastering.fade_out or 0) * rate), stop - start)
        part = _Part(source, start, stop, fade)
        gain = _first_gain(part, mastering, rate, channels)
        for _ in range(_TRIES):
            _write(part, gain, rate, channels, form, target, fine=fine)
            change = _mended(mastering, measure(target).measures)
            if abs(change) < _NEAR:
                break
            gain += change
    except soundfile.SoundFileError as error:
        raise UnfinishedError(f"it cannot be written as {form}: {error}") from error
    if form == "ogg":
        _settle_serial(target)


def _first_gain(part: _Part, mastering: Mastering, rate: int, channels: int) -> float:
    """In dB, from what is kept of the take."""
    loudness, peak = Loudness(rate, channels), TruePeak(rate, channels)
    for block in part.blocks():
        loudness.feed(block)
        peak.feed(block)
    return _change(mastering, loudness.integrated, peak.end())


def _mended(mastering: Mastering, found: Any) -> float:
    return _change(mastering, found.loudness, found.true_peak) if found else 0.0


def _change(mastering: Mastering, loudness: float | None, true_peak: float | None) -> float:
    """The gain that is lacking, in dB: up to the loudness that is wanted, and no higher than the true peak allows."""
    wanted = 0.0
    if mastering.loudness is not None and loudness is not None:
        wanted = mastering.loudness - loudness
    most = 0.0 if mastering.true_peak is None else mastering.true_peak
    if true_peak is not None and (mastering.true_peak is not None or wanted > 0):
        wanted = min(wanted, most - true_peak)
    return wanted


def _write(
    part: _Part, gain: float, rate: int, channels: int, form: str, target: Path, *, fine: bool
) -> None:
    import soundfile

    factor = 10 ** (gain / 20)
    subtype = {"wav": "PCM_24" if fine else "PCM_16", "flac": "PCM_24" if fine else "PCM_16"}.get(form)
    with soundfile.SoundFile(
        str(target), "w", samplerate=rate, channels=channels, format=form.upper(), subtype=subtype
    ) as file:
        for block in part.blocks():
            file.write(np.clip(block.T * factor, -1.0, 1.0))


_REVERSED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def _settle_serial(file: Path) -> None:
    """Give the stream of an Ogg file the number 1 in place of a random one, so that the same sound is the same file."""
    data = bytearray(file.read_bytes())
    at = 0
    while data[at : at + 4] == b"OggS":
        segments = data[at + 26]
        end = at + 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 14 : at + 18] = (1).to_bytes(4, "little")
        data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = _ogg_sum(bytes(data[at:end])).to_bytes(4, "little")
        at = end
    file.write_bytes(data)


def _ogg_sum(page: bytes) -> int:
    """The CRC of Ogg: that of zlib over mirrored bits, begun at zero and not inverted."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def main() -> None:
    """A process of its own: `source target format`, and the settings as JSON. Says on stdout why nothing could be made."""
    source, target, form, settings = sys.argv[1:]
    mastering = Mastering.of(orjson.loads(settings)) or Mastering()
    try:
        finish(Path(source), mastering, form, Path(target))
    except UnfinishedError as error:
        sys.stdout.write(str(error))
        sys.exit(3)


if __name__ == "__main__":
    main()
