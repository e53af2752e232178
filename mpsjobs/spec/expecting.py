"""What the layers of an asset say of expectations, as the model has it."""

from typing import Any, Final

from mpsjobs.model.expectations import NOTHING, Expectations, OnFail, Range
from mpsjobs.spec.layers import Fields

_UNITS: Final = {
    "duration": "s",
    "loudness": "LUFS",
    "loudness_range": "LU",
    "true_peak": "dBTP",
    "silence": "s",
}


def expectations_of(fields: Fields) -> Expectations:
    """What is expected of an asset's takes."""
    said = fields.get("expect")
    if not said:
        return NOTHING
    values: dict[str, Any] = {
        name: Range.of(each.value, _UNITS[name]) if name in _UNITS else each.value
        for name, each in said.items()
    }
    if "on_fail" in fields:
        values["on_fail"] = OnFail(fields["on_fail"].value)
    if "max_retakes" in fields:
        values["max_retakes"] = fields["max_retakes"].value
    return Expectations(**values)
