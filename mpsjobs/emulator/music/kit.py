"""The drums. Each is made once for a process, from noise that is always the same."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from mpsjobs.emulator.music.timbres import RATE, Signal, noise

LEVELS = {"hat": 0.22, "open": 0.2, "ride": 0.2, "shaker": 0.14, "crash": 0.3, "chiphat": 0.14, "rim": 0.4,
          "snare": 0.6, "clap": 0.5, "tom": 0.6, "lowtom": 0.65, "kick": 0.7, "taiko": 0.42, "timpani": 0.6,
          "chipkick": 0.6, "chipsnare": 0.36}  # fmt: skip
PANS = {
    "hat": 0.25,
    "open": 0.25,
    "ride": -0.3,
    "shaker": 0.4,
    "crash": -0.35,
    "tom": -0.25,
    "lowtom": 0.3,
    "rim": -0.15,
}
SENDS = {
    "kick": 0.02,
    "chipkick": 0.0,
    "hat": 0.05,
    "shaker": 0.12,
    "taiko": 0.4,
    "timpani": 0.4,
    "crash": 0.3,
    "clap": 0.3,
}


@lru_cache(maxsize=32)
def drum(name: str) -> Signal:
    """One stroke at full velocity, mono."""
    return np.asarray(_RECIPES[name](), np.float32)


def _time(length: float) -> Signal:
    return np.arange(int(RATE * length), dtype=np.float32) / np.float32(RATE)


def _fade(decay: float) -> Signal:
    return np.asarray(np.exp(-_time(0.45) / decay) * np.minimum(1, (0.45 - _time(0.45)) * 20), np.float32)


def _skin(hz: float, sweep: float, fall: float, decay: float, length: float = 0.45) -> Signal:
    """A drum head: its pitch falls by `sweep` Hz in about `fall` seconds."""
    time = _time(length)
    phase = 2 * np.pi * (hz * time + sweep * fall * (1 - np.exp(-time / fall)))
    fade = np.exp(-time / decay) * np.minimum(1, (time[-1] - time) * 20) * np.minimum(1, time / 0.001)
    return np.asarray(np.sin(phase) * fade, np.float32)


def _burst(decay: float, *, bright: int, length: float = 0.45, attack: float = 0.0008) -> Signal:
    """Noise that dies away; each step of `bright` takes out more of the low end."""
    time = _time(length)
    sound = noise(len(time))
    for _ in range(bright):
        sound = np.diff(sound, prepend=np.float32(0)) * np.float32(0.7)
    if bright == 0:
        sound = np.convolve(sound, np.full(24, 1 / 8, np.float32), "same")
    fade = np.exp(-time / decay) * np.minimum(1, time / attack) * np.minimum(1, (time[-1] - time) * 20)
    return np.asarray(0.5 * sound * fade, np.float32)


def _clap() -> Signal:
    one = _burst(0.012, bright=1)
    hands = [np.roll(one, int(RATE * late)) for late in (0.0, 0.011, 0.022)]
    return np.asarray(sum(hands, 0.5 * _burst(0.1, bright=1)), np.float32)


_RECIPES: Mapping[str, Callable[[], Signal]] = MappingProxyType({
    "kick": lambda: _skin(48, 170, 0.05, 0.22) + 0.25 * _burst(0.004, bright=1),
    "snare": lambda: 0.6 * _skin(185, 120, 0.02, 0.07) + 0.7 * _burst(0.09, bright=1),
    "clap": _clap,
    "rim": lambda: 0.8 * _skin(420, 300, 0.01, 0.025) + 0.3 * _burst(0.012, bright=1),
    "tom": lambda: _skin(130, 70, 0.05, 0.16),
    "lowtom": lambda: _skin(88, 70, 0.05, 0.16),
    "hat": lambda: _burst(0.035, bright=2),
    "open": lambda: _burst(0.16, bright=2),
    "ride": lambda: 0.7 * _burst(0.25, bright=2, length=0.9) + 0.12 * _skin(3150, 0, 0.01, 0.2, 0.9),
    "crash": lambda: _burst(0.5, bright=2, length=1.8),
    "shaker": lambda: _burst(0.045, bright=2, attack=0.018),
    "taiko": lambda: _skin(62, 50, 0.08, 0.35, 0.9) + 0.3 * _burst(0.03, bright=0, length=0.9),
    "timpani": lambda: _skin(82, 20, 0.05, 0.5, 0.9) + 0.1 * _burst(0.03, bright=0, length=0.9),
    "chipkick": lambda: np.sign(_skin(50, 220, 0.04, 0.09)) * _fade(0.09),
    "chipsnare": lambda: np.sign(_burst(0.05, bright=0)) * _fade(0.06),
    "chiphat": lambda: np.sign(_burst(0.02, bright=2)) * _fade(0.018),
})  # fmt: skip
