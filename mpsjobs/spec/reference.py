"""The reference of settings and specs, as Markdown, from the models that validate them: `python -m mpsjobs.spec.reference`."""

import sys
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mpsjobs.spec.catalogue_file import ModelSpec
from mpsjobs.spec.documents import (
    AssetEntry,
    ExpectSpec,
    ImportSpec,
    MasterSpec,
    MovedSpec,
    ReferenceSpec,
    SpecFile,
    StoreOverride,
    VariableSpec,
    Written,
)
from mpsjobs.spec.policy_file import BudgetFile, PolicyFile
from mpsjobs.spec.prices import ModelPricesFile, PriceFile, PricesFile
from mpsjobs.spec.settings_file import (
    AssumeRoleFile,
    CredentialsFile,
    EnvironmentFile,
    NetworkFile,
    ProviderFile,
    SettingsFile,
    StateFile,
    StoreFile,
    WebIdentityFile,
)

_PARTS: tuple[tuple[str, type[Written], str], ...] = (
    ("Settings: `mpsjobs.yaml`", SettingsFile, "One file at the root of the project."),
    ("`provider`", ProviderFile, "Where takes come from."),
    ("`store`", StoreFile, "Where audio goes."),
    ("`state`", StateFile, "Where it is recorded what has been done."),
    ("`policy`", PolicyFile, "What an apply may do. See [the guide](guide/cost-and-policy.md)."),
    ("`policy.budget`", BudgetFile, "Counted from the state: everything that was or may have been paid."),
    (
        "`prices`",
        PricesFile,
        "`MODEL: price`, or `MODEL: {VERSION: price, default: price}`. See [the guide](guide/cost-and-policy.md).",
    ),
    (
        "`prices.MODEL`",
        ModelPricesFile,
        "`VERSION: price`, also by globs such as `3.*`. A price alone is for every version.",
    ),
    ("A price", PriceFile, "A number is short for `per_song`."),
    (
        "`credentials`",
        CredentialsFile,
        "Where the keys come from. With nothing set: the environment, the vendor's profile file, the roles of the machine, in this order.",
    ),
    ("`credentials.assume_role`", AssumeRoleFile, "A role taken on with the credentials found."),
    ("`credentials.web_identity`", WebIdentityFile, "A role taken on with a token of CI."),
    (
        "`network`",
        NetworkFile,
        "For every connection. Proxies come from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.",
    ),
    (
        "`models.NAME`",
        ModelSpec,
        "A model that the catalogue lacks, or has wrong. `mpsjobs models` shows the result.",
    ),
    (
        "`variables.NAME`",
        VariableSpec,
        "In `mpsjobs.yaml`, set from outside; in a spec file, for that file alone.",
    ),
    (
        "`environments.NAME`",
        EnvironmentFile,
        "Or a file `mpsjobs.NAME.yaml`. Sections are merged key by key, `null` takes back; another `kind` begins one anew.",
    ),
    ("Spec files", SpecFile, "By default `specs/**/*.yaml` and `.yml`."),
    (
        "An asset, a preset, and `defaults`",
        AssetEntry,
        "A string is the prompt; what is not set comes from presets and defaults. `preset` is for assets and defaults, the last three keys are for assets alone.",
    ),
    ("`reference_audio`, `reference_video`", ReferenceSpec, "A list of these, or a single one."),
    (
        "`expect` of an asset",
        ExpectSpec,
        "Ranges include their ends; one end may be left out. See [audio](guide/audio.md).",
    ),
    ("`master` of an asset", MasterSpec, "See [audio](guide/audio.md)."),
    ("`store` of an asset", StoreOverride, "What is left out is the project's."),
    ("`moved`", MovedSpec, "A list of these. See [the guide](guide/renames.md)."),
    ("`import`", ImportSpec, "A list of these. See [the guide](guide/renames.md)."),
)

_HEAD = """\
# Settings and specs

Made by `python -m mpsjobs.spec.reference` from the models that check the files; a test keeps it current.

YAML 1.2: `no` and `on` are words. A text takes what is written: `version: 2.10` is `2.10`. Durations are `90s`, `15m`, `2h`. In texts
below `assets`, `defaults` and `presets`, `${…}` puts in a value ([variables](guide/variables.md)); `$${` stands for `${`. Keys that are known and not built yet are refused as "not supported yet".
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(line for part in _PARTS for line in _section(*part))]).rstrip() + "\n"


def _section(title: str, model: type[Written], what: str) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield what
    yield ""
    yield "| key | default | what it is |"
    yield "|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{field.alias or name}` | {_default(field)} | {_cell(field)} |"
    yield ""


def _cell(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    nested = any(
        isinstance(each, type) and issubclass(each, BaseModel)
        for each in (field.annotation, *get_args(field.annotation))
    )
    if field.default is None or field.default == "" or nested or field.default_factory:
        return ""
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
