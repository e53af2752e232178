"""Environments: what is laid over the settings, and by which rules."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.model.diagnostics import SpecError
from mpsjobs.model.settings import ProviderKind, Settings, StoreKind
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.settings import load_settings

Project = Callable[..., Path]

BASE = """
project: aurora
provider: {kind: tencent, account: studio, region: ap-guangzhou, requests_per_second: 10}
store: {bucket: aurora-1250000000, region: ap-guangzhou, prefix: audio}
download: audio/
policy: {attempts: 2, max_generations_per_apply: 5}
credentials: {profile: sound, assume_role: {role_arn: "qcs::cam::uin/1000:roleName/mpsjobs", duration: 1h}}
network: {read_timeout: 90s}
"""


def load(root: Path, environment: str | None = None) -> Settings:
    settings, notices = load_settings(root, environment)
    assert not notices
    return settings


def in_prod(project: Project, block: str, base: str = BASE) -> Settings:
    return load(project({"mpsjobs.prod.yaml": block}, base), "prod")


def test_sections_are_merged_key_by_key_and_the_rest_stays(project: Project) -> None:
    prod = in_prod(
        project, "store: {prefix: live}\nprovider: {account: shop}\npolicy: {attempts: 4, generate: false}\n"
    )
    assert (prod.store.bucket, prod.store.prefix) == ("aurora-1250000000", "live")
    assert (prod.provider.realm, prod.provider.requests_per_second) == ("tencent/intl:shop", 10)
    assert (prod.policy.attempts, prod.policy.max_generations_per_apply, prod.policy.generate) == (
        4,
        5,
        False,
    )
    assert (prod.credentials.profile, prod.network.read_timeout_s) == ("sound", 90)
    assert (prod.environment, prod.environments) == ("prod", ("prod",))


def test_null_takes_back_what_the_settings_say_but_where_it_has_a_meaning(project: Project) -> None:
    prod = in_prod(
        project,
        "credentials: null\nnetwork: {read_timeout: null}\nstore: {prefix: null}\n"
        "policy: {attempts: null, max_generations_per_apply: null}\ndownload: null\n",
    )
    assert (prod.credentials.profile, prod.network.read_timeout_s, prod.store.prefix) == (None, 60, "")
    assert (prod.policy.attempts, prod.policy.max_generations_per_apply) == (3, None)
    assert prod.download is None


def test_what_stands_below_a_key_of_a_section_is_replaced_as_a_whole(project: Project) -> None:
    role = "qcs::cam::uin/2000:roleName/game"
    prod = in_prod(project, f"credentials: {{assume_role: {{role_arn: '{role}'}}}}\n")
    assert prod.credentials.assume_role
    assert (prod.credentials.assume_role.role_arn, prod.credentials.assume_role.duration_s) == (role, 7200)


def test_another_kind_begins_its_section_anew(project: Project) -> None:
    dev = in_prod(project, "provider: {kind: emulator}\nstore: {kind: directory}\n")
    assert (dev.provider.kind, dev.provider.realm) == (ProviderKind.EMULATOR, "emulator")
    assert (dev.store.kind, dev.store.prefix) == (StoreKind.DIRECTORY, "")
    base = "project: aurora\nprovider: {speed: 100, audio: stub}\n"
    cloud = "provider: {kind: tencent}\nstore: {bucket: aurora-1250000000, region: ap-guangzhou}\n"
    prod = in_prod(project, cloud, base)
    assert prod.provider.kind is ProviderKind.TENCENT
    assert prod.policy.max_generations_per_apply == 20
    again = in_prod(project, "provider: {kind: emulator, speed: 7}\n", base)
    assert (again.provider.speed, again.provider.audio) == (7, "stub")


def test_a_base_may_leave_to_the_environments_what_it_lacks(project: Project) -> None:
    base = "project: aurora\nprovider: {kind: tencent}\nenvironments:\n  prod: {store: {bucket: a-1250000000, region: r}}\n"
    root = project(settings=base)
    assert load(root, "prod").store.bucket == "a-1250000000"
    with pytest.raises(SpecError):
        load(root)


@pytest.mark.parametrize(
    ("state", "block", "path"),
    [
        ("", "", "mpsjobs.prod.state.json"),
        ("state: {path: state/music.json}\n", "", "state/music.prod.json"),
        ("state: {path: a/b.state.json}\n", "state: {backend: file}\n", "a/b.prod.state.json"),
        ("state: {path: a.json}\n", "state: {path: mine.json}\n", "mine.json"),
        ("state: {path: a.json}\n", "state: null\n", "mpsjobs.prod.state.json"),
    ],
)
def test_each_environment_has_a_state_of_its_own(project: Project, state: str, block: str, path: str) -> None:
    assert in_prod(project, block, f"project: aurora\n{state}").state.path == path


@pytest.mark.parametrize(
    ("block", "folder"), [("", "audio/prod"), ("download: audio/\n", "audio"), ("download: x\n", "x")]
)
def test_copies_for_people_go_below_the_folder_by_the_name(project: Project, block: str, folder: str) -> None:
    assert in_prod(project, block).download == folder


def test_environments_share_an_emulator_as_long_as_they_share_its_store(project: Project) -> None:
    base = "project: aurora\nstore: {path: music/}\n"
    assert in_prod(project, "store: {prefix: live}\n", base).provider.emulator_data == ".mpsjobs/emulator"
    apart = in_prod(project, "store: {path: other}\n", base).provider.emulator_data
    assert apart == ".mpsjobs/emulator.prod"


def test_receipts_of_one_environment_are_not_those_of_another(project: Project) -> None:
    root = project({"mpsjobs.prod.yaml": "{}"}, BASE)
    assert (load(root).owner, load(root, "prod").owner) == ("aurora", "aurora@prod")
    assert (load(root).environment_name, load(root, "default").environment_name) == ("default", "default")


def test_reuse_from_names_others_and_the_base(project: Project) -> None:
    root = project(settings=f"{BASE}environments: {{a: , b: {{reuse_from: default}}}}\nreuse_from: [a, b]\n")
    assert load(root).reuse_from == ("a", "b")
    assert load(root, "a").reuse_from == ("b",)
    assert load(root, "b").reuse_from == (None,)


def test_an_empty_file_is_an_environment(project: Project) -> None:
    assert in_prod(project, "").environment == "prod"


def test_defaults_of_an_environment_lie_between_those_of_the_project_and_of_the_file(
    project: Project,
) -> None:
    root = project(
        {
            "mpsjobs.prod.yaml": "defaults: {format: wav, takes: 2, model: MiniMaxMusic}\n",
            "specs/a.yaml": "defaults: {takes: 3}\nassets: {a: Drums}\n",
        },
        "project: aurora\ndefaults: {model: GL, version: 3.0-pro, format: mp3, operator: me}\n",
    )
    loaded = load_assets(root, load(root, "prod"), load_catalogue())
    (asset,) = loaded.assets
    assert (asset.sound.model, asset.sound.version, asset.sound.format) == ("MiniMaxMusic", None, "wav")
    assert (asset.takes, asset.operator) == (3, "me")
    said = loaded.fields["a"]["format"]
    assert (str(said.at()), said.layer.title) == ("mpsjobs.prod.yaml:1:20", "defaults of prod")


def test_two_files_and_blocks_are_told_apart_by_their_names_only(project: Project) -> None:
    root = project({"mpsjobs.prod.yaml": "", "mpsjobs.a.b.yaml": "no: environment"}, BASE)
    assert load(root).environments == ("prod",)


def test_a_state_that_two_environments_share_is_refused(project: Project) -> None:
    root = project(
        settings=f"{BASE}environments: {{a: {{state: {{path: X.json}}}}, b: {{state: {{path: ./x.json}}}}}}\n"
    )
    with pytest.raises(SpecError, match="The environments a and b have the same state"):
        load(root)
