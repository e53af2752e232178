"""Procedural music: a prompt and a seed become a brief, the brief a score, the score sound.

The same wish gives the same samples; another seed gives another melody, harmony and arrangement.
"""

import os
import random
from dataclasses import dataclass, replace
from pathlib import Path

import soundfile

from mpsjobs.emulator.music.mix import mixdown
from mpsjobs.emulator.music.prompt import Brief, read
from mpsjobs.emulator.music.quote import quote
from mpsjobs.emulator.music.score import Score, compose
from mpsjobs.emulator.music.timbres import RATE, Signal

__all__ = ["RATE", "Wish", "plan", "render", "write_audio"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to play."""

    prompt: str
    seed: str
    lyrics: str = ""
    short: bool = False
    """Three to five seconds instead of a piece."""
    recording: Path | None = None
    """What it is made from."""


def plan(wish: Wish) -> tuple[Brief, Score]:
    """What will be played."""
    rng = random.Random(wish.seed)  # noqa: S311 — makes music, guards nothing
    brief = read(wish.prompt, rng)
    if wish.lyrics:
        brief = replace(brief, ensemble=replace(brief.ensemble, lead="voice"))
    return brief, compose(brief, rng, short=wish.short)


def render(wish: Wish) -> Signal:
    """Stereo samples (n, 2) at `RATE`, between -1 and 1."""
    brief, score = plan(wish)
    piece = mixdown(score, brief)
    return quote(piece, wish.recording) if wish.recording else piece


def write_audio(wish: Wish, path: Path, kind: str) -> float:
    """Write the piece as `mp3` or 16-bit `wav`, synced to disk; its length in seconds."""
    samples = render(wish)
    if kind == "wav":
        soundfile.write(path, samples, RATE, format="WAV", subtype="PCM_16")
    else:
        soundfile.write(path, samples, RATE, format="MP3", subtype="MPEG_LAYER_III")
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    return len(samples) / RATE
