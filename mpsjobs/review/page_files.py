"""The files of the page as they ship, and what a browser is told of them."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import orjson

from mpsjobs.model.asset import Json

CONTENT_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
}
INDEX: Final = "index.html"
DATA: Final = "data.js"


def page_files() -> dict[str, bytes]:
    """Name → content. `DATA`, which `index.html` loads beside them, is not one of them."""
    folder = files("mpsjobs.review") / "page"
    return {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if each.name.endswith((".html", ".css", ".js"))
    }


def content_type(name: str) -> str:
    return CONTENT_TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def data_script(document: Mapping[str, Json]) -> bytes:
    """The document as a script: a page that was opened from a folder may load no JSON."""
    return b"const REVIEW = " + orjson.dumps(document) + b";\n"
