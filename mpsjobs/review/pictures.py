"""Waveforms as pictures: one SVG for each asset, to be shown where a page cannot be, such as in a comment on a pull request."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from mpsjobs.model.file_names import stem_of

WAVEFORMS: Final = "waveforms"
_WIDTH, _HEIGHT, _BARS, _GAP = 600, 64, 120, 2


def pictures(document: Mapping[str, Any]) -> dict[str, bytes]:
    """File name → picture, for each asset of a review document that has something to show."""
    found = {}
    for asset in document["assets"]:
        old, new = (_shape(asset[side]) for side in ("old", "new"))
        if old or new:
            found[f"{stem_of(asset['address'])}.svg"] = picture(old, new).encode()
    return found


def picture(old: bytes, new: bytes) -> str:
    """The sound that an asset had above the one that is wanted, in colours for light and dark grounds; either may be empty."""
    shapes = [(shape, colour) for shape, colour in ((old, "#8b93a3"), (new, "#6d63e8")) if shape]
    rows = "".join(
        f'<path transform="translate(0 {number * (_HEIGHT + _GAP) + _HEIGHT / 2:g})" stroke="{colour}" d="{_path(shape)}"/>'
        for number, (shape, colour) in enumerate(shapes)
    )
    height = len(shapes) * (_HEIGHT + _GAP) - _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'stroke-width="3" stroke-linecap="round" fill="none">{rows}</svg>\n'
    )


def _path(shape: bytes) -> str:
    step = _WIDTH / len(shape)
    tops = (max(1, value * (_HEIGHT / 2 - 2) / 127) for value in shape)
    return "".join(
        f"M{(number + 0.5) * step:.1f} {-top:.1f}v{2 * top:.1f}" for number, top in enumerate(tops)
    )


def _shape(sound: Mapping[str, Any] | None) -> bytes:
    """The heights of the take that stands for a sound: the one in use, else the first that can be heard."""
    takes = [take for take in (sound["takes"] if sound else ()) if take["outputs"]]
    used = next((take for take in takes if take["used"]), takes[0] if takes else None)
    heights = b64decode((used["finished"] or used["outputs"])[0]["bars"]) if used else b""
    step = max(1, -(-len(heights) // _BARS))
    return bytes(max(heights[start : start + step]) for start in range(0, len(heights), step))
