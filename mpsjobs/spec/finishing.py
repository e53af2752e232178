"""What the layers of an asset say of finishing, as the model has it."""

from mpsjobs.model.mastering import NOTHING_MADE, Mastering
from mpsjobs.spec.layers import Fields


def mastering_of(fields: Fields) -> Mastering:
    """What is made of an asset's takes."""
    values = {name: each.value for name, each in fields.get("master", {}).items()}
    if "format" in values:
        values["format"] = tuple(dict.fromkeys(values["format"]))
    return Mastering(**values) if values else NOTHING_MADE
