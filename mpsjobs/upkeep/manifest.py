"""What came out, for those who build with it: a manifest for game builds, and variables for shells."""

import re
from collections.abc import Iterable
from shlex import quote
from urllib.parse import quote as percent

from mpsjobs.model.asset import Json
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import MpsjobsError
from mpsjobs.model.settings import StoreKind, StoreSettings
from mpsjobs.model.state import Output, Published
from mpsjobs.project import Current, Project


def manifest(project: Project, current: Iterable[Current]) -> dict[str, Json]:
    """Address → where its audio is and what it is. Assets without a take are left out. The same state gives the same document."""
    return {
        "format_version": 1,
        "project": project.settings.project,
        "environment": project.settings.environment_name,
        "realm": project.settings.provider.realm,
        "assets": {asset.address: _entry(asset, project.settings.store) for asset in current if asset.take},
    }


def variables(project: Project, current: Iterable[Current]) -> list[str]:
    """`LEVEL1_BOSS=…` for a shell or an env file: the URL of each file, its key where there is none.

    Raises:
        MpsjobsError: two assets would have the same name.
    """
    values: dict[str, tuple[str, str]] = {}
    for asset in current:
        for number, output in enumerate(asset.outputs, 1):
            name = re.sub(r"[^A-Z0-9]", "_", asset.address.upper()) + (f"_{number}" if number > 1 else "")
            name = f"_{name}" if name[0].isdigit() else name
            other, _ = values.setdefault(name, (asset.address, ""))
            if other != asset.address or values[name][1]:
                raise MpsjobsError.of(
                    f"{other} and {asset.address} would both be called {name}.",
                    hint="Take one of them at a time, or use --manifest.",
                    code=Code.VARIABLE_FOR_TWO,
                )
            place = _place(asset, output)
            values[name] = (asset.address, url_of(place, project.settings.store) or place.key)
    return [f"{name}={quote(value)}" for name, (_, value) in values.items()]


def _place(asset: Current, output: Output) -> Output | Published:
    """Where a build finds it: under its stable key, if it is published, else where the task wrote it."""
    published = asset.record.published or ()
    return next((each for each in published if each.sha256 == output.sha256), output)


def url_of(output: Output | Published, store: StoreSettings) -> str | None:
    """The object's address on the web, unsigned: whoever follows it needs the right to read. None where the store is a folder."""
    if store.kind is StoreKind.DIRECTORY:
        return None
    endpoint = store.endpoint or f"https://cos.{output.region}.myqcloud.com"
    scheme, _, host = endpoint.rpartition("://")
    key = percent(output.key)
    if store.addressing_style == "path":
        return f"{scheme or 'https'}://{host}/{output.bucket}/{key}"
    return f"{scheme or 'https'}://{output.bucket}.{host}/{key}"


def _entry(asset: Current, store: StoreSettings) -> dict[str, Json]:
    outputs = asset.outputs
    finished = bool(asset.finished)
    first, *others = [_file(output, _place(asset, output), store, finished=finished) for output in outputs]
    more: list[Json] = list(others)
    return {
        **first,
        "take": asset.take.take if asset.take else None,
        "fingerprint": asset.record.fingerprint,
        "others": more,
    }


def _file(
    output: Output, place: Output | Published, store: StoreSettings, *, finished: bool
) -> dict[str, Json]:
    return {
        "url": url_of(place, store),
        "bucket": place.bucket,
        "region": place.region,
        "key": place.key,
        "sha256": output.sha256,
        "size": output.size,
        "duration_s": output.duration_s,
        "format": output.format,
        "loudness": output.measures.loudness if output.measures else None,
        "finished": finished,
    }
