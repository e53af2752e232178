"""Where an exported listening page is, for links from a comment on a pull request."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import quote, urlsplit

import click

from mpsjobs.model.file_names import stem_of


@dataclass(frozen=True, slots=True)
class ListeningPage:
    """An exported page by its URL, which no Markdown can end early. `pictures`: its waveforms are shown too."""

    url: str
    pictures: bool = False

    def place(self, address: str) -> str:
        """Where the page shows this asset."""
        return f"{self.url}#{quote(address, safe='')}"

    def picture(self, address: str) -> str:
        folder = self.url.rpartition("/")[0]
        return f"{folder}/waveforms/{quote(stem_of(address), safe='')}.svg"


def linked(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--review-url` and `--review-waveforms`; the command gets a `ListeningPage` or None as `page`."""

    @click.option(
        "--review-url",
        metavar="URL",
        envvar="MPSJOBS_REVIEW_URL",
        callback=_url,
        help="With markdown: link each asset to its place on the page that `review --export` wrote there.",
    )
    @click.option(
        "--review-waveforms", is_flag=True, help="Show the waveforms that lie beside that page, too."
    )
    @wraps(function)
    def command(*arguments: Any, review_url: str | None, review_waveforms: bool, **rest: Any) -> Any:
        if review_waveforms and review_url is None:
            raise click.UsageError("--review-waveforms needs --review-url: the pictures lie beside the page.")
        page = ListeningPage(review_url, review_waveforms) if review_url else None
        return function(*arguments, page=page, **rest)

    return command


def _url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A folder ends with a slash, as a page beside which there are others."""
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not re.fullmatch(r"[!-~]+", value):
        raise click.BadParameter("write a whole URL, such as https://example.com/pr-12/")
    if parts.fragment or parts.query:
        raise click.BadParameter("leave out what follows on # and ?")
    slash = "" if parts.path.endswith(("/", ".html")) else "/"
    return quote(value, safe=":/%~@!$&'*+,;=[]-._") + slash
