"""Loading assets, where a golden case cannot show it."""

import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.model.asset import Asset
from mpsjobs.model.diagnostics import Position, SpecError
from mpsjobs.model.settings import ProviderSettings, Settings, StoreKind, StoreSettings
from mpsjobs.spec import source, yaml
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import Loaded, load_assets
from mpsjobs.spec.texts import MAX_TEXT_BYTES, normal

Project = Callable[..., Path]
SETTINGS = Settings("test", ProviderSettings(), StoreSettings(StoreKind.DIRECTORY), defaults={"model": "GL"})


def load(root: Path) -> Loaded:
    return load_assets(root, SETTINGS, load_catalogue(), strict=False)


def one(root: Path) -> Asset:
    (asset,) = load(root).assets
    return asset


def test_defaults_may_be_a_plain_dictionary(project: Project) -> None:
    asset = one(project({"specs/a.yaml": "assets: {a: x}"}))
    assert asset.sound.model == "GL"
    assert asset.origin == Position("specs/a.yaml", 1, 10)


def test_the_style_of_the_yaml_does_not_matter(project: Project, tmp_path: Path) -> None:
    plain = "assets:\n  a:\n    prompt: Act one, the storm\n    version: 3.0-pro\n    lyrics: null\n"
    other = '# a comment\r\n{"assets": {"a": {version: \'3.0-pro\', prompt: "Act one,\r\n  the storm"}}}\r\n'
    sounds = [one(project({"specs/a.yaml": text})).sound for text in (plain, other)]
    assert sounds[0] == sounds[1]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a\r\nb\r\n", "a\nb"),
        ("a\rb\n\n", "a\nb"),
        ("Cafe\u0301\n", "Caf\u00e9"),
        (" a \n", " a "),
        ("\n", ""),
    ],
)
def test_the_normal_form_of_texts(text: str, form: str) -> None:
    assert normal(text) == form
    assert normal(form) == form


def test_all_files_and_layers_are_looked_at(project: Project) -> None:
    root = project(
        {
            "specs/a.yaml": "assets: [",
            "specs/b.yaml": "assetz: {}",
            "specs/c.yaml": "assets: {a: {prompt: ''}}",
            "specs/d.yaml": "\x01",
        }
    )
    with pytest.raises(SpecError) as caught:
        load(root)
    assert [d.position.file for d in caught.value.diagnostics if d.position] == [
        f"specs/{name}.yaml" for name in "abcd"
    ]


def test_a_text_file_is_read_once_however_many_use_it(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = "".join(f"  a{n}: {{prompt: {{file: x.md}}}}\n" for n in range(50))
    root = project({"specs/a.yaml": f"assets:\n{assets}", "specs/x.md": "a theme\n"})
    opened: list[str] = []
    original = source.read_text

    def counted(path: Path, label: str, *, limit: int, at: Position) -> str:
        opened.append(label)
        return original(path, label, limit=limit, at=at)

    monkeypatch.setattr("mpsjobs.spec.texts.read_text", counted)
    assert {asset.sound.prompt for asset in load(root).assets} == {"a theme"}
    assert opened == ["specs/x.md"]


def test_text_files_have_a_limit(project: Project) -> None:
    root = project(
        {"specs/a.yaml": "assets: {a: {prompt: {file: x.md}}}", "specs/x.md": "x" * (MAX_TEXT_BYTES + 1)}
    )
    with pytest.raises(SpecError, match="too large") as caught:
        load(root)
    assert caught.value.diagnostics[0].position == Position("specs/a.yaml", 1, 29)


def test_text_files_behind_links_stay_inside(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("other") / "secret"
    secret.write_text("x")
    root = project({"specs/a.yaml": "assets: {a: {prompt: {file: x.md}}}"})
    (root / "specs/x.md").symlink_to(secret)
    with pytest.raises(SpecError, match="outside of the project"):
        load(root)


def test_what_many_inherit_is_said_once(project: Project) -> None:
    assets = "".join(f"  a{n}: x\n" for n in range(100))
    loaded = load(project({"specs/a.yaml": f"defaults: {{version: '9'}}\nassets:\n{assets}"}))
    assert len(loaded.assets) == 100
    assert len(loaded.diagnostics) == 1


def test_the_number_of_events_is_linear(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value is looked at once by the reader: counted, not timed."""
    calls = 0
    original = yaml._Reader.node

    def counted(self: yaml._Reader, event: object, depth: int) -> object:
        nonlocal calls
        calls += 1
        return original(self, event, depth)

    monkeypatch.setattr(yaml._Reader, "node", counted)
    counts = []
    for size in (100, 200):
        calls = 0
        load(
            project(
                {
                    "specs/a.yaml": "assets:\n"
                    + "".join(f"  a{n}: {{prompt: x, takes: 2}}\n" for n in range(size))
                }
            )
        )
        counts.append(calls)
    assert counts == [302, 602]


def test_the_garbage_collector_is_left_as_it_was(project: Project) -> None:
    root = project({"specs/a.yaml": "assets: ["})
    with pytest.raises(SpecError):
        load(root)
    assert gc.isenabled()


def test_the_vocabulary_of_the_catalogue_loads_neither_yaml_nor_pydantic() -> None:
    code = "import sys, mpsjobs.spec.catalogue, mpsjobs.spec.project_files; print([m for m in ('pydantic', 'ruamel.yaml') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "[]\n"
    )
