"""Fetching a result by its URL, for outputs that do not show in the store."""

import http.client
import shutil
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from mpsjobs.model.diagnostics import CloudError

_TIMEOUT_S = 60


def fetch_url(url: str, to: Path) -> None:
    """Write what the URL gives to the file `to`: all of it, or an error.

    Raises:
        CloudError: it cannot be fetched whole. The message does not hold the URL's query, which may be a signature.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise CloudError.of(f"A result URL of the kind {parts.scheme!r} cannot be fetched.")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer, to.open("wb") as file:  # noqa: S310  # checked above
            shutil.copyfileobj(answer, file)
            if answer.length:  # reading in pieces ends quietly where a connection breaks
                raise http.client.IncompleteRead(b"", answer.length)
    except (OSError, ValueError, http.client.HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        reason = error.reason if isinstance(error, URLError) else error
        where = f"{parts.hostname}{parts.path}"
        raise CloudError.of("A result could not be fetched.", detail=f"{where}: {reason}") from error
