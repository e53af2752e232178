"""The whole way with `provider.kind: tencent`: commands as processes, an emulator as a process, audio in the buckets of an S3 server."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.cli.clouds import PERMANENT, RECORDING, TEMPORARY, a_project, cloud
from tests.conftest import SETTINGS
from tests.recording import recording
from tests.s3 import S3Server


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(PERMANENT, id="permanent", marks=pytest.mark.slow),
        pytest.param(TEMPORARY, id="temporary"),
    ],
)
def test_an_apply_makes_everything_ready(
    tmp_path: Path, s3_server: S3Server, account: Mapping[str, str]
) -> None:
    project = a_project(tmp_path, account)
    with cloud(tmp_path / "cloud", s3_server, account) as emulator:
        project.settings(emulator.settings())
        project.apply()
        state, objects, bill = project.state(), emulator.objects(), emulator.bill()
        (handed_over,) = emulator.references()
        with urlopen(handed_over, timeout=10) as answer:
            assert answer.read() == RECORDING
        assert project("plan", "--detailed-exitcode").code == 0

    assert {record["status"] for record in state["assets"].values()} == {"ready"}
    takes = [take for pool in state["takes"].values() for take in pool["takes"]]
    assert sorted(take["task_id"] for take in takes) == sorted(bill)
    assert len(bill) == 6
    outputs = {output["key"]: output for take in takes for output in take["outputs"]}
    assert len(outputs) == 7
    for key, output in outputs.items():
        assert objects.pop(key) == (output["size"], output["etag"])
        assert len(output["sha256"]) == 64
        assert output["duration_s"] == pytest.approx(1, abs=0.2)
    assert {take["realm"] for take in takes} == {"tencent/intl"}
    assert objects.pop(f"audio/references/{sha256(RECORDING).hexdigest()}.wav")
    # What else there is, is a receipt for each take.
    assert sorted(objects) == sorted(f"audio/receipts/test/{take['attempt_id']}.json" for take in takes)
    heard = {file.name for file in (project.root / "audio").iterdir()}
    assert heard == {
        "level1.menu.mp3",
        "level1.boss.wav",
        "level1.song.mp3",
        "level1.band.mp3",
        "level1.band~2.mp3",
        "level1.hum.mp3",
    }
    for file in project.root.rglob("*"):
        text = file.read_bytes() if file.is_file() else b""
        assert b"plantedSe" not in text, file


@pytest.mark.slow
def test_a_lost_state_is_rebuilt_from_the_bucket_and_nothing_is_bought(
    tmp_path: Path, s3_server: S3Server
) -> None:
    project = a_project(tmp_path, PERMANENT)
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator:
        project.settings(emulator.settings())
        project.apply()
        before, state = emulator.bill(), project.state()
        for file in project.root.glob("mpsjobs.state*"):
            file.unlink()
        refused = project("apply", "--auto-approve")
        assert refused.code == 1
        assert "mpsjobs state rebuild" in refused.err
        assert project("state", "rebuild").code == 0
        project.apply()
        assert project("plan", "--detailed-exitcode").code == 0
        assert emulator.bill() == before
    rebuilt = project.state()
    assert {record["status"] for record in rebuilt["assets"].values()} == {"ready"}
    assert {name: pool["fields"] for name, pool in rebuilt["takes"].items()} == {
        name: pool["fields"] for name, pool in state["takes"].items()
    }


@pytest.mark.slow
def test_what_the_emulator_made_is_nothing_to_the_cloud_and_back_again_is_free(
    tmp_path: Path, s3_server: S3Server
) -> None:
    project = a_project(tmp_path, PERMANENT)
    project.settings(SETTINGS)
    project.apply()
    emulated = {take["task_id"] for pool in project.state()["takes"].values() for take in pool["takes"]}
    assert len(emulated) == 6

    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator, recording(emulator.url) as watched:
        project.settings(emulator.settings(watched.url))
        assert project.kinds() == {"generate"}
        project.apply()
        assert set(project.kinds()) == {"keep"}
        project("refresh")
        assert len(emulator.bill()) == 6
        assert watched.asked_for() == set(emulator.bill())
        assert not any(task_id in json.dumps(body) for _, _, body in watched.requests for task_id in emulated)

        project.settings(SETTINGS)
        plan = project("plan", "--json").json()
        assert plan["summary"]["generations"] == 0
        project.apply()
        assert set(project.kinds()) == {"keep"}
        assert len(emulator.bill()) == 6
        kept = {take["task_id"] for pool in project.state()["takes"].values() for take in pool["takes"]}
        assert kept == emulated | set(emulator.bill())


def test_takes_in_a_bucket_are_fetched_exported_and_deleted(tmp_path: Path, s3_server: S3Server) -> None:
    project, out = a_project(tmp_path, PERMANENT), tmp_path / "out"
    with cloud(tmp_path / "cloud", s3_server, PERMANENT) as emulator:
        project.settings(emulator.settings())
        project.apply()
        assert project("download", "--all", str(out)).code == 0
        manifest = project("output", "--manifest").json()["assets"]
        menu = manifest["level1.menu"]
        assert menu["url"] == f"{emulator.s3}/{menu['bucket']}/{menu['key']}"
        whole = (out / "level1.menu" / "take-1.mp3").read_bytes()
        assert sha256(whole).hexdigest() == menu["sha256"]
        (out / "level1.menu" / "take-1.mp3").unlink()
        (out / "level1.menu" / f".take-1.mp3.{menu['sha256'][:16]}.part").write_bytes(whole[:500])
        again = project("download", "--all", str(out))
        assert again.out.startswith("1 file fetched")
        assert (out / "level1.menu" / "take-1.mp3").read_bytes() == whole
        assert project("export", str(tmp_path / "export")).code == 0

        project.specs("group: level1\nassets:\n  menu: Warm orchestral theme, 92 bpm\n")
        project.apply()
        bill = emulator.bill()
        deleted = project("gc", "--older-than", "0s", "--auto-approve", "--json").json()["deleted"]
        assert (deleted["takes"], deleted["objects"]) == (5, 6)
        assert list(emulator.objects("audio/takes/")) == [menu["key"]]
        assert project("plan", "--detailed-exitcode").code == 0
        assert project("destroy", "--delete-outputs", "--auto-approve").code == 0
        assert emulator.objects("audio/takes/") == {}
        assert emulator.bill() == bill
