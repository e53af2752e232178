"""Settings: defaults, and what a file says."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.money import Price, Prices
from mpsjobs.model.policy import Budget, Clause, OutsidePolicy, Per, PolicySettings
from mpsjobs.model.settings import ProviderKind, Settings, Site, StoreKind, StoreSettings
from mpsjobs.spec import settings as module
from mpsjobs.spec.settings import load_settings

Project = Callable[..., Path]


def load(project: Project, text: str) -> Settings:
    settings, notices = load_settings(project(settings=text))
    assert not notices
    return settings


def refused(project: Project, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_settings(project(settings=text))
    return [diagnostic.summary for diagnostic in caught.value.diagnostics]


def test_a_name_is_enough(project: Project) -> None:
    settings = load(project, "project: aurora\n")
    assert settings.project == "aurora"
    assert settings.provider.kind is ProviderKind.EMULATOR
    assert settings.provider.realm == "emulator"
    assert settings.store == StoreSettings(StoreKind.DIRECTORY)
    assert settings.policy == PolicySettings(None, 3)
    assert settings.specs == ("specs/**/*.yaml", "specs/**/*.yml")
    assert (settings.download, settings.defaults, settings.models) == (None, {}, {})


def test_everything(project: Project) -> None:
    settings = load(
        project,
        """
project: aurora
required_version: ">=0.1,<1"
specs: [a/*.yaml, b.yaml]
provider: {kind: tencent, endpoint: mps.tencentcloudapi.com, region: ap-guangzhou, requests_per_second: 10, account: studio}
store: {kind: cos, bucket: aurora-1250000000, region: ap-guangzhou, prefix: /audio/, endpoint: "http://127.0.0.1:9000", addressing_style: path}
state: {backend: file, path: state/x.json}
download: audio/
policy: {max_generations_per_apply: 5, attempts: 1}
defaults: {model: GL, version: 2.10}
models: {New: {versions: [1.10]}}
""",
    )
    assert settings.provider.site is Site.CN
    assert settings.provider.realm == "tencent/cn:studio"
    assert settings.store == StoreSettings(
        StoreKind.COS,
        "aurora-1250000000",
        "ap-guangzhou",
        "audio",
        endpoint="http://127.0.0.1:9000",
        addressing_style="path",
    )
    assert (settings.state.path, settings.download, settings.specs) == (
        "state/x.json",
        "audio",
        ("a/*.yaml", "b.yaml"),
    )
    assert settings.policy == PolicySettings(5, 1)
    assert settings.defaults == {"model": "GL", "version": "2.10"}


STORE = "store: {bucket: aurora-1250000000, region: ap-guangzhou}\n"


@pytest.mark.parametrize(
    ("policy", "limit"),
    [("", 20), ("policy: {attempts: 2}\n", 20), ("policy: {max_generations_per_apply: null}\n", None)],
)
def test_the_cloud_has_a_budget_unless_told_otherwise(
    project: Project, policy: str, limit: int | None
) -> None:
    settings = load(project, f"project: x\nprovider: {{kind: tencent}}\n{STORE}{policy}")
    assert settings.store.kind is StoreKind.COS
    assert settings.policy.max_generations_per_apply == limit


def test_null_is_the_same_as_nothing(project: Project) -> None:
    text = "project: x\nprovider: {endpoint: null, kind: ~, speed: null}\nstore:\nstate: {path: null}\npolicy: {attempts: ~}\nspecs: ~\n"
    assert load(project, text) == load(project, "project: x\n")


def test_the_emulator_behind_the_cloud_s_door(project: Project) -> None:
    text = (
        "project: x\nprovider: {kind: tencent, endpoint: 'http://127.0.0.1:9000'}\nstore: {kind: directory}\n"
    )
    assert load(project, text).store.kind is StoreKind.DIRECTORY


def test_what_is_wrong_in_the_store_is_said_once(project: Project) -> None:
    text = "project: x\nprovider: {kind: tencent}\nstore: {bucket: aurora, region: ap-guangzhou}\n"
    assert refused(project, text) == ['"bucket" must be a bucket with the account\'s number']


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [("0.1.0", ">=0.1,<1", True), ("0.2.dev1", ">=0.1", True), ("1.0", "<1", False)],
)
def test_required_version(
    project: Project, monkeypatch: pytest.MonkeyPatch, version: str, wanted: str, *, fits: bool
) -> None:
    monkeypatch.setattr(module, "__version__", version)
    text = f"project: x\nrequired_version: '{wanted}'\n"
    if fits:
        assert load(project, text).required_version == wanted
    else:
        assert refused(project, text + "new_key: 1\n") == ["This project needs another version of mpsjobs"]


def test_no_settings(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no mpsjobs\.yaml"):
        load_settings(tmp_path)


def test_settings_that_are_no_mapping(project: Project) -> None:
    assert refused(project, "- project\n")[0] == "The file must be a mapping"


def test_a_policy_file_from_outside_stands_beside_the_projects_own(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "max_generations_per_apply: 10\nbudget: {cost: 20 USD, per: week}\nallow_models: GL\n"
        "prices: {currency: USD, default: 0.5}\nmax_retire_percent: null\n"
    )
    root = project(settings="project: x\npolicy: {attempts: 2}\nprices: {currency: USD, default: 0.001}\n")
    settings, _ = load_settings(root, policy_file=str(file))
    source = str(file)
    assert settings.outside_policy == OutsidePolicy(
        source,
        max_generations_per_apply=10,
        budget=Budget(Per.WEEK, cost=Decimal(20), source=source),
        allow_models=Clause(("GL",), source),
    )
    assert settings.policy == PolicySettings(attempts=2)
    assert settings.prices == Prices("USD", other=Price(Decimal("0.5")))


def test_mistakes_in_a_policy_file_are_told_with_its_name_and_line_and_with_the_others(
    project: Project, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("max_generations: 10\nunknown_wait: 5m\nmax_cost_per_apply: cheap\n")
    root = project(settings="project: x\npolicy: {attempts: 0}\n")
    with pytest.raises(SpecError) as caught:
        load_settings(root, policy_file=str(file))
    assert [str(each.position) for each in caught.value.diagnostics] == [
        f"{file}:1:1",
        f"{file}:2:1",
        f"{file}:3:21",
        "mpsjobs.yaml:2:20",
    ]
    with pytest.raises(SpecError, match="There is no such policy file"):
        load_settings(root, policy_file=str(tmp_path / "missing.yaml"))


def test_a_limit_from_outside_is_in_the_currency_of_the_prices(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("max_cost_per_apply: 20 CNY\n")
    root = project(settings="project: x\nprices: {currency: USD, default: 0.001}\n")
    with pytest.raises(SpecError) as caught:
        load_settings(root, policy_file=str(file))
    assert [str(each.position) for each in caught.value.diagnostics] == [f"{file}:1:21"]
