"""Which fields make two sounds differ."""

from collections.abc import Iterator, Mapping

from mpsjobs.model.asset import Json, is_hidden, masked
from mpsjobs.model.change import Reason


def field_reasons(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[Reason, ...]:
    """The fields that differ, by path (`additional_parameters.bitrate`), in the order of their names; sensitive ones are not shown."""
    return tuple(_differences("", dict(before), dict(after)))


def _differences(path: str, before: Json, after: Json) -> Iterator[Reason]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, dict) and isinstance(after, dict) and not (is_hidden(before) or is_hidden(after)):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(f"{path}.{key}" if path else key, before.get(key), after.get(key))
        return
    yield Reason(path, masked(before), masked(after))
