import io
import wave
from pathlib import Path
from statistics import median

import orjson
import pytest
import soundfile

from mpsjobs.emulator import Emulator, EmulatorBusy, EmulatorConfig
from mpsjobs.emulator.rendering import Done, Rendered, RenderJob
from mpsjobs.emulator.task import pace

from .emulator_client import Client, HandClock


def test_durations_are_spread_around_ninety_seconds_and_follow_the_speed() -> None:
    paces = [pace(f"task-{i}", 1) for i in range(400)]
    assert all(0 < wait < total <= 600 for wait, total in paces)
    assert 80 < median(total for _, total in paces) < 100
    assert pace("task-1", 20)[1] == pytest.approx(pace("task-1", 1)[1] / 20)


def test_a_task_waits_runs_and_is_done(client: Client, clock: HandClock, config: EmulatorConfig) -> None:
    task_id = client.create(
        StoreCosParam={
            "CosBucketName": "aurora-1250000000",
            "CosBucketRegion": "ap-nanjing",
            "CosBucketPath": "/audio//takes/1/",
        }
    )
    assert task_id.startswith("24")
    assert "AigcAudio-" in task_id
    wait, total = pace(task_id, 1)
    answer = client.describe(task_id)
    assert (answer["Status"], answer["Message"], answer["AudioInfos"], answer["VideoInfos"]) == (
        "WAIT",
        "",
        [],
        [],
    )
    clock.advance(wait)
    assert client.describe(task_id)["Status"] == "RUN"
    clock.advance(total - wait - 0.01)
    assert client.describe(task_id)["Status"] == "RUN"
    assert list(config.objects.glob("aurora*")) == []
    clock.advance(0.02)
    output = client.finished(task_id)["outputs"][0]
    assert (output["bucket"], output["region"]) == ("aurora-1250000000", "ap-nanjing")
    assert output["key"] == f"audio/takes/1/{task_id}-0.mp3"
    answer = client.describe(task_id)
    assert answer["Status"] == "DONE"
    (audio,) = answer["AudioInfos"]
    assert type(audio["Duration"]) is int
    stored = (config.objects / output["bucket"] / output["key"]).read_bytes()
    assert client.get(audio["Url"])[2] == stored
    samples, rate = soundfile.read(io.BytesIO(stored))
    assert len(samples) / rate == pytest.approx(output["duration_s"], abs=0.15)
    assert abs(samples).max() > 0.05


def test_stub_wavs_are_decodable_and_differ(client: Client, clock: HandClock) -> None:
    ids = [client.create(ExtraParameters={"OutputAudioFormat": "wav"}) for _ in range(2)]
    clock.advance(700)
    contents = [client.get(client.finished(task_id)["outputs"][0]["url"])[2] for task_id in ids]
    with wave.open(io.BytesIO(contents[0])) as file:
        assert file.getnframes() / file.getframerate() == 1.0
    assert contents[0] != contents[1]


def test_several_outputs_are_all_there_at_once(
    client: Client, clock: HandClock, config: EmulatorConfig
) -> None:
    task_id = client.create(ModelName="Mureka", AdditionalParameters='{"n": 3}')
    clock.advance(700)
    outputs = client.finished(task_id)["outputs"]
    assert [output["key"] for output in outputs] == [f"{task_id}-{i}.mp3" for i in range(3)]
    assert len({(config.objects / output["bucket"] / output["key"]).read_bytes() for output in outputs}) == 3
    assert len(client.describe(task_id)["AudioInfos"]) == 3
    assert len(client.get(outputs[2]["url"])[2]) == outputs[2]["size"]


@pytest.mark.parametrize(
    ("model", "version", "message"),
    [("Tme", "1.0", "Invalid model name for music"), ("GL", "9.9", "Invalid model version for music")],
)
def test_a_bad_model_is_accepted_and_fails_later(
    client: Client, clock: HandClock, model: str, version: str, message: str
) -> None:
    task_id = client.create(ModelName=model, ModelVersion=version)
    assert client.describe(task_id)["Status"] == "WAIT"
    clock.advance(700)
    client.finished(task_id)
    answer = client.describe(task_id)
    assert (answer["Status"], answer["Message"], answer["AudioInfos"]) == ("FAIL", message, [])


def test_an_output_that_cannot_be_written_fails_the_task(
    client: Client, clock: HandClock, config: EmulatorConfig
) -> None:
    bucket = config.objects / "aurora-1250000000"
    bucket.mkdir(parents=True)
    (bucket / "file").touch()
    task_id = client.create(StoreCosParam={"CosBucketName": bucket.name, "CosBucketPath": "file/in/the/way"})
    clock.advance(700)
    assert client.finished(task_id)["message"].startswith("Failed to write the output")


def test_tasks_go_on_after_a_restart_and_what_is_done_stays(config: EmulatorConfig, clock: HandClock) -> None:
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        first = client.create()
        clock.advance(700)
        done = client.finished(first)
        second, bad = client.create(), client.create(ModelName="Nobody")
    clock.advance(700)
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        assert [task["TaskId"] for task in client.ledger()] == [first, second, bad]
        again = client.finished(first)
        assert again["outputs"][0]["key"] == done["outputs"][0]["key"]
        assert again["outputs"][0]["url"].startswith(emulator.url)
        assert client.finished(second)["status"] == "DONE"
        assert client.finished(bad)["status"] == "FAIL"
    assert not any((config.objects / ".uploads").iterdir())


@pytest.mark.parametrize("torn", [b'{"event":"created","TaskId":"24', b"\x00" * 4096, b"{}"])
def test_a_torn_last_line_is_cut_off(config: EmulatorConfig, clock: HandClock, torn: bytes) -> None:
    with Emulator(config, clock=clock) as emulator:
        task_id = Client(emulator.url, clock.now).create()
    ledger = config.data / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + torn)
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        assert [task["TaskId"] for task in client.ledger()] == [task_id]
        assert ledger.read_bytes() == whole
        client.create()
    assert [orjson.loads(line)["event"] for line in ledger.read_bytes().splitlines()] == [
        "created",
        "created",
    ]


def test_a_broken_line_in_the_middle_is_skipped(config: EmulatorConfig, clock: HandClock) -> None:
    config.data.mkdir()
    (config.data / "ledger.jsonl").write_bytes(b"broken\n")
    with Emulator(config, clock=clock) as emulator:
        assert Client(emulator.url, clock.now).ledger() == []


def test_two_emulators_cannot_share_a_folder(emulator: Emulator, config: EmulatorConfig) -> None:
    with pytest.raises(EmulatorBusy) as caught:
        Emulator(config).start()
    assert caught.value.url == emulator.url
    assert caught.value.pid is not None
    assert emulator.url in str(caught.value)


def test_a_failed_start_leaves_the_folder_free(
    config: EmulatorConfig, tmp_path: Path, emulator: Emulator
) -> None:
    taken = int(emulator.url.rpartition(":")[2])
    other = EmulatorConfig(data=tmp_path / "other", audio="stub", port=taken)
    with pytest.raises(OSError, match="in use"):
        Emulator(other).start()
    with Emulator(EmulatorConfig(data=tmp_path / "other", audio="stub")) as running:
        assert running.url


def test_settings_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="speed"):
        EmulatorConfig(data=tmp_path, speed=0)
    with pytest.raises(ValueError, match="requests_per_second"):
        EmulatorConfig(data=tmp_path, requests_per_second=0)


class NoRenderer:
    """Says what a renderer says that has given up."""

    def submit(self, job: RenderJob, done: Done) -> None:
        done(Rendered(error="The renderer crashed"))

    def close(self) -> None:
        pass


def test_a_renderer_that_gives_up_fails_the_task(config: EmulatorConfig, clock: HandClock) -> None:
    with Emulator(config, clock=clock, renderer=NoRenderer()) as emulator:
        client = Client(emulator.url, clock.now)
        task_id = client.create()
        clock.advance(700)
        client.finished(task_id)
        assert client.describe(task_id)["Message"] == "The renderer crashed"
