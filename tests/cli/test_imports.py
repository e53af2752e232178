"""Imports: tasks and objects from elsewhere become takes, once, and for free."""

import json
from pathlib import Path
from typing import Any

import pytest

from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.ports import ObjectRef
from tests.cli.test_cloud_store import BUCKET, REGION, Cloud, cloud
from tests.conftest import Folder
from tests.s3 import s3_store

__all__ = ["cloud"]  # a fixture

STORE = Path(".mpsjobs/store/local-1250000000")


def state(project: Folder) -> Any:
    return json.loads((project.root / "mpsjobs.state.json").read_text())


def takes(project: Folder, address: str = "boss") -> list[Any]:
    found = state(project)
    pool: list[Any] = found["takes"][found["assets"][address]["fingerprint"]]["takes"]
    return pool


def ok(project: Folder, *arguments: str, code: int = 0) -> str:
    ran = project(*arguments)
    assert ran.code == code, ran.out + ran.err
    return ran.out + ran.err


@pytest.fixture
def orphan(project: Folder) -> str:
    """The TaskId of a done task that the state knows nothing of."""
    project.write(music="assets: {other: A boss}\n")
    ok(project, "apply", "--auto-approve")
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    for receipt in (project.root / STORE / "receipts").rglob("*.json"):
        receipt.unlink()
    (task,) = project.bill()
    return task


def test_a_task_of_the_account_becomes_a_take(project: Folder, orphan: str) -> None:
    project.write(music="assets: {boss: A boss fight}\n")
    told = ok(project, "import", "boss", "--task-id", orphan)
    assert f"task {orphan} is imported as take 1" in told
    ok(project, "apply", "--auto-approve")
    (take,) = takes(project)
    assert (take["task_id"], take["status"], take["imported"]) == (orphan, "done", f"task {orphan}")
    (output,) = take["outputs"]
    assert output["key"].startswith(take["cos_path"])
    assert (project.root / STORE / output["key"]).stat().st_size == output["size"]
    assert output["duration_s"]
    assert output["sha256"]
    assert (project.root / "audio" / "boss.mp3").exists()
    assert project.bill() == [orphan]
    assert project("plan", "--detailed-exitcode").code == 0
    assert "The state has it already" in ok(project, "import", "boss", "--task-id", orphan)
    assert len(takes(project)) == 1


def test_a_lost_state_is_rebuilt_with_what_was_imported(project: Folder, orphan: str) -> None:
    (project.root / STORE / "old").mkdir(parents=True)
    (song,) = (project.root / STORE / "takes").rglob("*.mp3")
    (project.root / STORE / "old" / "song.mp3").write_bytes(song.read_bytes())
    project.write(
        music="assets: {boss: {prompt: A boss fight, takes: 2}}\n"
        f"import: [{{to: boss, task_id: {orphan}}}, {{to: boss, object: old/song.mp3}}]\n"
    )
    ok(project, "apply", "--auto-approve")
    before = takes(project)
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    assert project("state", "rebuild", "--json").json()["takes"] == 2
    after = takes(project)
    same = ("take", "attempt_id", "task_id", "status", "imported", "outputs")
    assert [{key: take[key] for key in same} for take in after] == [
        {key: take[key] for key in same} for take in before
    ]
    project.write(music="assets: {boss: {prompt: A boss fight, takes: 2}}\n")
    assert project.kinds() in ({"boss": "keep"}, {"boss": "update"})
    ok(project, "apply", "--auto-approve")
    assert project.bill() == [orphan]


def test_a_block_is_planned_as_free_and_does_its_work_once(project: Folder, orphan: str) -> None:
    block = f"import: [{{to: boss, task_id: {orphan}}}]\n"
    project.write(music=f"assets: {{boss: A boss fight}}\n{block}")
    plan = project("plan", "--json").json()
    (change,) = plan["changes"]
    assert (change["kind"], change["generations"]) == ("restore", 0)
    assert change["message"] == f"imported, free: task {orphan}"
    ok(project, "apply", "--auto-approve")
    assert project("plan", "--detailed-exitcode").code == 0
    project.write(music=f"assets: {{boss: A new fight}}\n{block}")
    assert project.kinds() == {"boss": "regenerate"}
    ok(project, "apply", "--auto-approve")
    assert len(project.bill()) == 2
    project.write(music=f"assets: {{boss: A boss fight}}\n{block}")
    ok(project, "apply", "--auto-approve")
    assert len(project.bill()) == 2, "an imported take comes back like any other"


def test_what_is_imported_counts_before_anything_is_bought(project: Folder, orphan: str) -> None:
    project.write(
        music=f"assets: {{boss: {{prompt: A boss fight, takes: 2}}}}\nimport: [{{to: boss, task_id: {orphan}}}]\n"
    )
    assert project("plan", "--json").json()["summary"]["generations"] == 1
    ok(project, "apply", "--auto-approve")
    assert [(take["take"], take["task_id"] == orphan) for take in takes(project)] == [(1, True), (2, False)]
    assert len(project.bill()) == 2


@pytest.mark.parametrize(
    "name", ["old/song.mp3", "local-1250000000/old/song.mp3", "local-1250000000/old/song.mp3@local"]
)
def test_an_object_of_the_store_becomes_a_take_and_stays_where_it_was(
    project: Folder, orphan: str, name: str
) -> None:
    old = project.root / STORE / "old" / "song.mp3"
    old.parent.mkdir()
    (song,) = (project.root / STORE / "takes").rglob("*.mp3")
    old.write_bytes(song.read_bytes())
    project.write(music="assets: {boss: A boss fight}\n")
    ok(project, "import", "boss", "--object", name)
    (take,) = takes(project)
    assert (take["task_id"], take["status"], take["imported"]) == (
        None,
        "done",
        "object local-1250000000/old/song.mp3",
    )
    assert take["outputs"][0]["key"] == f"{take['cos_path']}song.mp3"
    assert old.exists()
    assert project.kinds() == {"boss": "keep"}
    ok(project, "apply", "--auto-approve")
    assert project.bill() == [orphan]


def test_what_cannot_be_imported_is_told_and_nothing_is_bought_in_its_place(
    project: Folder, orphan: str
) -> None:
    (project.root / STORE / "words.mp3").write_text("no song")
    for wrong, why in (
        ({"task_id": "24000145-nothing"}, "the provider tells nothing of this task"),
        ({"object": "no/song.mp3"}, "There is no such object in the store"),
        ({"object": "words.mp3"}, "The object is no audio that can be read"),
    ):
        written = json.dumps({"to": "boss", **wrong})
        project.write(music=f"assets: {{boss: A boss fight}}\nimport: [{written}]\n")
        told = ok(project, "apply", "--auto-approve", code=3)
        assert "boss: NotImported" in told
        assert why in told
    assert project.bill() == [orphan]
    assert state(project)["assets"] == {}


def test_a_failed_task_is_no_take(project: Folder) -> None:
    project.write(music="assets: {boss: A boss, bad: {prompt: x, model: NoSuchModel}}\n")
    ok(project, "apply", "--auto-approve", code=3)
    failed = next(task["TaskId"] for task in project.ledger() if task["status"] == "FAIL")
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    project.write(music="assets: {boss: A boss}\n")
    assert "the task has failed" in ok(project, "import", "boss", "--task-id", failed, code=3)
    assert state(project)["assets"] == {}


def test_a_running_task_is_recorded_and_collected_by_the_next_apply(project: Folder) -> None:
    project.settings((project.root / "mpsjobs.yaml").read_text().replace("speed: 1000", "speed: 20"))
    project.write(music="assets: {other: A boss}\n")
    ok(project, "apply", "--auto-approve", "--detach")
    (task,) = project.bill()
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    for receipt in (project.root / STORE / "receipts").rglob("*.json"):
        receipt.unlink()
    project.write(music="assets: {boss: A boss fight}\n")
    told = ok(project, "import", "boss", "--task-id", task)
    assert "1 task is still running in the cloud and will be picked up by the next apply" in told
    assert project.kinds() == {"boss": "resume"}
    ok(project, "apply", "--auto-approve")
    assert [(take["task_id"], take["status"]) for take in takes(project)] == [(task, "done")]
    assert project.bill() == [task]


def test_a_task_that_is_a_take_of_another_sound_already_is_not_taken_away(project: Folder) -> None:
    project.write(music="assets: {menu: A menu}\n")
    ok(project, "apply", "--auto-approve")
    (task,) = project.bill()
    project.write(music=f"assets: {{menu: A menu, boss: A boss}}\nimport: [{{to: boss, task_id: {task}}}]\n")
    ran = project("plan")
    assert "What is imported to boss is a take already" in ran.err
    assert "1 to generate" in ran.out


@pytest.mark.parametrize(
    "arguments", [("bos", "--object", "x.mp3"), ("boss", "--object", "https://example.com/x.mp3")]
)
def test_an_import_that_cannot_be_meant_is_an_error(project: Folder, arguments: tuple[str, ...]) -> None:
    project.write(music="assets: {boss: A boss}\n")
    ran = project("import", *arguments)
    assert ran.code == 1
    assert 'Did you mean "boss"?' in ran.err or "this is no URL of the store" in ran.err
    assert project("import", "boss").code == 1


def test_tasks_and_objects_are_imported_from_cos(project: Folder, cloud: Cloud) -> None:
    project.write(music="assets: {menu: Warm theme}\n")
    ok(project, "apply", "--auto-approve", "--detach")
    cloud.relay()
    (task,) = cloud.bill()
    for file in project.root.glob("mpsjobs.state*"):
        file.unlink()
    store = s3_store(cloud.proxy.upstream)
    for key in cloud.objects():
        if "/receipts/" in key:
            store.delete(ObjectRef(BUCKET, REGION, key))
    (song,) = [key for key in cloud.objects() if "/takes/" in key]
    url = f"https://{BUCKET}.cos.{REGION}.myqcloud.com/{song}?q-signature=gone"
    project.write(
        music="assets: {boss: {prompt: A boss, takes: 2}}\n"
        f"import: [{{to: boss, task_id: {task}}}, {{to: boss, object: '{url}'}}]\n"
    )
    while "restore" in project.kinds().values():
        ok(project, "apply", "--auto-approve")
        SystemClock().sleep(0.01)
    found = takes(project)
    assert [take["status"] for take in found] == ["done", "done"]
    assert {take["outputs"][0]["key"] for take in found} <= set(cloud.objects())
    assert len({take["outputs"][0]["sha256"] for take in found}) == 1
    assert cloud.bill() == [task]
    assert "gone" not in (project.root / "mpsjobs.state.json").read_text()
