"""What came out, as files and documents for others."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from mpsjobs.cloud.directory_store import DirectoryStore
from mpsjobs.model.ports import ObjectInfo, ObjectRef
from tests.cli.applied import applied_project
from tests.conftest import SETTINGS, Folder, Ran

SPEC = """\
group: level1
assets:
  menu: x
  boss: {prompt: y, takes: 2}
  band: {prompt: z, model: Mureka, version: song_9, format: null, additional_parameters: {n: 2}}
"""


@pytest.fixture(scope="module")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return applied_project(tmp_path_factory.mktemp("applied"), SPEC)


@pytest.fixture
def applied(applied_once: Path, mpsjobs: Callable[..., Ran], tmp_path: Path) -> Folder:
    return Folder(shutil.copytree(applied_once, tmp_path / "project"), mpsjobs)


def names(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_a_download_has_the_take_that_each_asset_uses(applied: Folder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    document = applied("download", str(out), "--json").json()
    assert names(out) == ["level1.band.mp3", "level1.band~2.mp3", "level1.boss.mp3", "level1.menu.mp3"]
    for each in document["files"]:
        data = (out / each["file"]).read_bytes()
        assert (sha256(data).hexdigest(), len(data), each["new"]) == (each["sha256"], each["size"], True)
    again = applied("download", "--picked", str(out))
    assert again.out.startswith("0 files fetched")
    assert "4 were there already" in again.out


def test_a_download_of_all_has_every_take(applied: Folder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert applied("download", "--all", "level1.b*", str(out)).code == 0
    assert names(out) == [
        "level1.band/take-1.mp3",
        "level1.band/take-1~2.mp3",
        "level1.boss/take-1.mp3",
        "level1.boss/take-2.mp3",
    ]
    assert "level9.* is not in the state" in applied("download", "level9.*", str(out)).err


def test_only_what_changed_is_fetched_and_what_broke_off_goes_on(
    applied: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    applied("download", str(out))
    whole = (out / "level1.menu.mp3").read_bytes()
    digest = sha256(whole).hexdigest()
    part = out / f".level1.menu.mp3.{digest[:16]}.part"
    fetched: list[tuple[str, int]] = []
    append_rest = DirectoryStore.append_rest

    def watched(store: DirectoryStore, ref: ObjectRef, to: Path) -> ObjectInfo | None:
        fetched.append((to.name, to.stat().st_size if to.exists() else 0))
        return append_rest(store, ref, to)

    monkeypatch.setattr(DirectoryStore, "append_rest", watched)
    (out / "level1.menu.mp3").write_bytes(b"something else")
    part.write_bytes(whole[:100])
    assert applied("download", str(out)).out.startswith("1 file fetched")
    assert fetched == [(part.name, 100)]
    assert (out / "level1.menu.mp3").read_bytes() == whole
    assert not part.exists()
    (out / "level1.menu.mp3").unlink()
    part.write_bytes(b"rubbish" * 1000)
    assert applied("download", str(out)).code == 0
    assert [size for _, size in fetched[1:]] == [7000, 0]
    assert (out / "level1.menu.mp3").read_bytes() == whole


def test_what_is_gone_or_changed_in_the_store_is_told_and_the_rest_is_fetched(
    applied: Folder, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    objects = applied("output", "level1.menu", "level1.boss", "--json").json()["outputs"]
    store = applied.root / ".mpsjobs" / "store" / "local-1250000000"
    (store / objects["level1.menu"]["objects"][0]["key"]).unlink()
    (store / objects["level1.boss"]["objects"][0]["key"]).write_bytes(b"another song")
    ran = applied("download", str(out))
    assert ran.code == 1
    assert "no longer in the store" in ran.err
    assert "is not what was recorded" in ran.err
    assert names(out) == ["level1.band.mp3", "level1.band~2.mp3"]


def test_an_export_needs_no_mpsjobs(applied: Folder, tmp_path: Path) -> None:
    applied.write(
        music=SPEC.replace("menu: x", "menu: another").replace("  boss: {prompt: y, takes: 2}\n", "")
    )
    assert applied("apply", "--auto-approve").code == 0
    out = tmp_path / "out"
    assert applied("export", str(out)).code == 0
    with (out / "assets.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(row["address"], row["status"], row["take"], row["used"]) for row in rows] == [
        ("level1.band", "ready", "1", "yes"),
        ("level1.band", "ready", "1", "yes"),
        ("level1.boss", "retired", "1", ""),
        ("level1.boss", "retired", "2", ""),
        ("level1.menu", "earlier", "1", ""),
        ("level1.menu", "ready", "1", "yes"),
    ]
    for row in rows:
        data = (out / row["file"]).read_bytes()
        assert (sha256(data).hexdigest(), len(data)) == (row["sha256"], int(row["size"]))
        request = json.loads((out / row["request"]).read_bytes())
        assert row["address"] in request["addresses"]
        assert request["fields"]["model"]
        assert row["task_id"] in {take["task_id"] for take in request["takes"]}
    assert {row["task_id"] for row in rows} == set(applied.bill())
    assert "assets.csv" in (out / "README.txt").read_text()
    assert applied("export", str(out)).out.startswith("0 files fetched")
    assert not [name for name in names(out) if name.endswith(".part")]


def test_secret_texts_are_in_no_export(
    project: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPSJOBS_VAR_plot", "the butler did it")
    project.settings(SETTINGS + "variables: {plot: {sensitive: true}}\n")
    project.write(music='assets:\n  menu: "theme, ${var.plot}"\n')
    assert project("apply", "--auto-approve").code == 0
    assert project("export", str(tmp_path / "out")).code == 0
    text = "".join((tmp_path / "out" / name).read_text(errors="replace") for name in names(tmp_path / "out"))
    assert "butler" not in text
    assert "(sensitive)" in text


def test_a_manifest_tells_a_build_what_there_is(applied: Folder) -> None:
    ran = applied("output", "--manifest")
    manifest = ran.json()
    assert (manifest["format_version"], manifest["project"], manifest["realm"]) == (1, "test", "emulator")
    assert list(manifest["assets"]) == ["level1.band", "level1.boss", "level1.menu"]
    menu, band = manifest["assets"]["level1.menu"], manifest["assets"]["level1.band"]
    recorded = applied("output", "--json").json()["outputs"]["level1.menu"]
    (file,) = recorded["objects"]
    measured = {
        "loudness": file.pop("measures")["loudness"],
        "take": 1,
        "fingerprint": recorded["fingerprint"],
    }
    assert file.pop("unmeasured") is None
    assert menu == {**file, **measured, "url": None, "others": []}
    assert (len(band["others"]), band["others"][0]["sha256"] != band["sha256"]) == (1, True)
    assert applied("output", "--manifest").out == ran.out


def test_variables_can_be_read_by_a_shell(applied: Folder) -> None:
    lines = applied("output", "--dotenv", "level1.*").out
    script = f'{lines}\nprintf \'%s\\n\' "$LEVEL1_MENU" "$LEVEL1_BAND" "$LEVEL1_BAND_2"'
    values = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    outputs = applied("output", "--json").json()["outputs"]
    assert values == [
        *(each["key"] for each in outputs["level1.menu"]["objects"]),
        *(each["key"] for each in outputs["level1.band"]["objects"]),
    ]
    applied("state", "mv", "level1.boss", "level1-menu")
    assert "would both be called LEVEL1_MENU" in applied("output", "--dotenv").err


def test_an_asset_without_a_take_is_left_out_and_named(applied: Folder) -> None:
    applied.settings(SETTINGS.replace("speed: 1000", "speed: 1"))
    applied.write(music="group: level1\nassets: {menu: x, late: w}\n")
    assert applied("apply", "--auto-approve", "--detach").code == 0
    ran = applied("output", "--manifest")
    assert list(ran.json()["assets"]) == ["level1.menu"]
    assert "there is no take: level1.late" in ran.err
