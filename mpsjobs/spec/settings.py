"""`mpsjobs.yaml` → Settings."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mpsjobs._version import __version__
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.model.money import Prices
from mpsjobs.model.policy import PolicySettings
from mpsjobs.model.settings import (
    BASE_ENVIRONMENT,
    EMULATOR_BUCKET,
    NetworkSettings,
    ProviderKind,
    ProviderSettings,
    Settings,
    Site,
    StoreKind,
    StoreSettings,
)
from mpsjobs.spec.access import credentials_settings, notify_settings
from mpsjobs.spec.environments import (
    Environment,
    choose,
    laid_over,
    plain_fields,
    read_environments,
    unknown,
    without_templates,
)
from mpsjobs.spec.fields import bare_prefix
from mpsjobs.spec.mistakes import check
from mpsjobs.spec.policy import (
    SAME_CURRENCY,
    Outside,
    no_currency,
    other_currencies,
    own_policy,
    read_outside,
)
from mpsjobs.spec.problems import Problems
from mpsjobs.spec.project_files import SETTINGS_NAME, leads_outside
from mpsjobs.spec.settings_file import SettingsFile
from mpsjobs.spec.source import read_text
from mpsjobs.spec.state_section import state_settings
from mpsjobs.spec.templates import ENVIRONMENTS, read_templates, roots_in
from mpsjobs.spec.variables import declare
from mpsjobs.spec.yaml import Map, parse, position

EMULATOR_DATA = ".mpsjobs/emulator"
DIRECTORY = ".mpsjobs/store"

TENCENT_GENERATIONS = 20
"""How many songs one apply may pay for where nobody said otherwise."""


def load_settings(
    root: Path, environment: str | None = None, *, policy_file: str | None = None
) -> tuple[Settings, tuple[Diagnostic, ...]]:
    """The settings of the project in the folder `root` as they are in an environment, and warnings about them.

    `defaults`, `presets`, `variables` and `models` of the result are as written, checked, and remember where; `load_assets` and
    `load_catalogue` take them. `policy_file` is one from outside of the project, whose mistakes are told with the others. Fields with `${…}` are checked by `load_assets`, which knows the values. `environment` None is the base.

    Raises:
        SpecError: there is no such environment; all mistakes in the files at once. Where the file asks for another version of mpsjobs, only that is said: what else
            looks wrong may be right there.
    """
    path = root / SETTINGS_NAME
    if not path.is_file():
        raise SpecError.of(
            "There is no mpsjobs.yaml here",
            detail=f"`{root}` is not a project.",
            hint="Run `mpsjobs init`, or name the project with `-C`.",
            code=Code.NO_PROJECT,
        )
    text = read_text(path, SETTINGS_NAME)
    document = parse(text, SETTINGS_NAME)
    if isinstance(document.root, Map):
        _honour_required_version(document.root)
    problems = [*document.problems, *read_templates(document, text)]
    written: Any = {} if document.root is None else document.root
    checked = check(SettingsFile, _settled(written), SETTINGS_NAME)
    problems += checked.diagnostics
    if isinstance(written, Map) and isinstance(written.get("variables"), Map):
        declare(written["variables"], SETTINGS_NAME, problems.append)
    environments = read_environments(root, document.root, SETTINGS_NAME, problems.append)
    try:
        chosen = choose(environments, environment)
    except SpecError as error:
        raise SpecError(*problems, *error.diagnostics) from None
    if chosen and isinstance(written, Map):
        written = laid_over(written, chosen)
        checked = check(SettingsFile, _settled(written), SETTINGS_NAME)
        problems += [each for each in checked.diagnostics if each not in problems]
    outside = None
    try:
        outside = read_outside(policy_file) if policy_file else None
    except SpecError as error:
        problems += error.diagnostics
    if checked.value is None:
        raise SpecError(*problems)
    reading = _Reading(
        checked.value, written if chosen else document.root, document.root, environments, chosen, outside
    )
    settings = reading.settings(complete=not checked.dropped)
    problems += reading.problems.found
    if any(problem.is_error for problem in problems):
        raise SpecError(*problems)
    return settings, tuple(problems)


def _settled(root: Any) -> Any:
    """The file without what is checked by itself, and without the fields that have to be filled in first."""
    if not isinstance(root, Map):
        return root
    if isinstance(variables := root.get("variables"), Map):  # `declare` checks them
        root = root.with_value("variables", Map(variables.mark))
    if not roots_in(root):
        return root
    for key, settled in (("presets", plain_fields), (ENVIRONMENTS, without_templates)):
        if isinstance(blocks := root.get(key), Map):
            for name, block in blocks.items():
                if isinstance(block, Map):
                    blocks = blocks.with_value(name, settled(block))
            root = root.with_value(key, blocks)
    return without_templates(root)


class _Reading:
    """Checks that look at more than one key."""

    def __init__(
        self,
        file: SettingsFile,
        root: Any,
        base: Any,
        environments: Mapping[str, Environment],
        chosen: Environment | None,
        outside: Outside | None,
    ) -> None:
        self.file = file
        self.root = root
        self.base = base
        self.environments = environments
        self.chosen = chosen
        self.outside = outside
        self.problems = Problems(root)

    def settings(self, *, complete: bool) -> Settings:
        file = self.file
        if file.project is None and (complete or "project" not in (self.root or ())):
            self.problems.add(
                ("project",),
                '"project" is missing',
                "Every project has a name; it is shown in plans.",
                "Add `project: name`.",
                root=self.base,
                code=Code.MISSING_KEY,
            )
        for index, pattern in enumerate(file.specs or ()):
            if leads_outside(pattern) or "\\" in pattern:
                self.problems.add(
                    ("specs", index),
                    "Specs must stand inside of the project",
                    f"`{pattern}` leads out of the project's folder, so others may not have what it names.",
                    "Name folders inside of the project, with `/` between them.",
                    code=Code.SPECS_OUTSIDE,
                )
        provider = self.provider()
        return Settings(
            project=file.project or "",
            provider=provider,
            store=self.store(provider),
            **({"specs": tuple(file.specs)} if file.specs else {}),
            required_version=file.required_version,
            state=state_settings(file, self.chosen, self.problems),
            download=self.download(),
            policy=self.policy(provider),
            outside_policy=self.outside.policy if self.outside else None,
            prices=self.prices(),
            credentials=credentials_settings(file.credentials, self.problems),
            notify=notify_settings(file.notify, self.problems),
            network=NetworkSettings(
                file.network.connect_timeout, file.network.read_timeout, file.network.ca_file
            ),
            defaults=self.problems.written("defaults"),
            presets=self.problems.written("presets"),
            variables=self.problems.written("variables"),
            models=self.problems.written("models"),
            environment=self.chosen.name if self.chosen else None,
            environments=tuple(self.environments),
            environment_defaults=self.chosen.written("defaults") if self.chosen else {},
            environment_values=self.chosen.written("variables") if self.chosen else {},
            reuse_from=tuple(self.reuse_from()),
        )

    def download(self) -> str | None:
        """The folder; one below it for an environment that names none itself: copies of one would push aside those of another."""
        folder = self.file.download.rstrip("/") if self.file.download else None
        if folder is None or self.chosen is None or "download" in self.chosen.node:
            return folder
        return f"{folder}/{self.chosen.name}"

    def emulator_data(self) -> str:
        """One emulator, one ledger for all environments that share a store: it writes into that store."""
        base = self.base.get("store") if isinstance(self.base, Map) else None
        path = (base.get("path") if isinstance(base, Map) else None) or DIRECTORY
        apart = self.chosen and (self.file.store.path or DIRECTORY).rstrip("/") != str(path).rstrip("/")
        return f"{EMULATOR_DATA}.{self.chosen.name}" if self.chosen and apart else EMULATOR_DATA

    def reuse_from(self) -> Iterator[str | None]:
        for index, name in enumerate(self.file.reuse_from or ()):
            own = self.chosen.name if self.chosen else BASE_ENVIRONMENT
            if name != BASE_ENVIRONMENT and name not in self.environments:
                place = self.problems.place(("reuse_from", index))
                self.problems.found.append(unknown(name, self.environments, place))
            elif name != own:
                yield None if name == BASE_ENVIRONMENT else name

    def provider(self) -> ProviderSettings:
        file = self.file.provider
        kind = ProviderKind(file.kind)
        emulated = {
            name: getattr(file, name) for name in ("speed", "audio") if getattr(file, name) is not None
        }
        if kind is ProviderKind.TENCENT:
            for name in emulated:
                self.problems.add(
                    ("provider", name),
                    f'"{name}" is for the emulator only',
                    "The cloud works at its own pace.",
                    "Remove the key, or write `kind: emulator`.",
                    key=True,
                    code=Code.EMULATOR_ONLY,
                )
        return ProviderSettings(
            kind=kind,
            endpoint=file.endpoint,
            region=file.region,
            requests_per_second=file.requests_per_second,
            account=file.account,
            language=file.language,
            format_place=file.format_place,
            named_site=Site(file.site) if file.site else None,
            emulator_data=self.emulator_data(),
            **emulated,
        )

    def store(self, provider: ProviderSettings) -> StoreSettings:
        file = self.file.store
        natural = StoreKind.DIRECTORY if provider.kind is ProviderKind.EMULATOR else StoreKind.COS
        kind = StoreKind(file.kind) if file.kind else natural
        if kind is StoreKind.COS:
            self.needs_a_bucket(provider)
        elif provider.kind is ProviderKind.TENCENT and _is_real(provider):
            self.problems.add(
                ("store", "kind"),
                "The cloud cannot write into a folder of this machine",
                "What it makes goes into a COS bucket; it would be paid for and never arrive here.",
                "Write `kind: cos` with a bucket and a region.",
                code=Code.STORE_OUT_OF_REACH,
            )
        return StoreSettings(
            kind=kind,
            bucket=file.bucket or EMULATOR_BUCKET,
            region=file.region or "local",
            prefix=bare_prefix(file.prefix),
            path=(file.path or DIRECTORY).rstrip("/"),
            endpoint=file.endpoint,
            addressing_style=file.addressing_style,
        )

    def needs_a_bucket(self, provider: ProviderSettings) -> None:
        why = f"With `{provider.kind}`" if self.file.store.kind is None else "With `kind: cos`"
        self.problems.needs_place(
            self.file, "store", f"{why}, audio goes into a COS bucket.", Code.STORE_INCOMPLETE
        )

    def policy(self, provider: ProviderSettings) -> PolicySettings:
        return own_policy(
            self.file.policy, TENCENT_GENERATIONS if provider.kind is ProviderKind.TENCENT else None
        )

    def prices(self) -> Prices | None:
        """Those of a policy file from outside, else the project's. Limits are in the same currency."""
        file, outside = self.file.prices, self.outside
        if file.any and file.currency is None:
            self.problems.found.append(no_currency(self.problems.place(("prices",), key=True)))
        prices = (outside.prices if outside else None) or file.prices
        for path, summary, detail in other_currencies(self.file.policy, prices):
            self.problems.add(("policy", *path), summary, detail, SAME_CURRENCY, code=Code.BAD_VALUE)
        if outside:
            self.problems.found += outside.other_currencies(prices)
        return prices


def _is_real(provider: ProviderSettings) -> bool:
    host = urlsplit(provider.endpoint or "").hostname or provider.endpoint or "tencentcloudapi.com"
    return host.endswith("tencentcloudapi.com")


def _honour_required_version(root: Map) -> None:
    from packaging.specifiers import (  # only for projects that ask for a version
        InvalidSpecifier,
        SpecifierSet,
    )

    wanted = root.get("required_version")
    if not isinstance(wanted, str):
        return
    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        return  # validation will say so
    if not fits:
        raise SpecError.of(
            "This project needs another version of mpsjobs",
            detail=f"It asks for `{wanted}`; this is {__version__}.",
            hint=f'Install one that fits: `pip install "mpsjobs{wanted}"`.',
            position=position(root.places["required_version"][1], SETTINGS_NAME),
            code=Code.OTHER_VERSION_NEEDED,
        )
