import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import pytest
import soundfile

from mpsjobs.emulator import EmbeddedEmulator, Emulator, EmulatorBusy, EmulatorConfig, default_credentials
from mpsjobs.emulator.clock import SystemClock
from mpsjobs.emulator.rendering import ProcessRenderer, Rendered, RenderJob
from tests.emulator_process import emulator_process

from .emulator_client import DEADLINE_S, Client


def kill_while_creating(data: Path, enough: int) -> list[str]:
    """Create from three threads, kill the emulator after `enough` answers; all TaskIds that were answered."""
    answered: list[str] = []

    def create(client: Client) -> None:
        with suppress(OSError, HTTPException):
            while True:
                answered.append(client.create())

    with emulator_process(data, "--requests-per-second", "100000", "--speed", "1000") as (child, url):
        threads = [threading.Thread(target=create, args=(Client(url, SystemClock().now),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + DEADLINE_S
        while len(answered) < enough and time.monotonic() < end:
            threading.Event().wait(0.001)
        child.kill()
        for thread in threads:
            thread.join()
    assert len(answered) >= enough
    return answered


def test_a_killed_emulator_loses_no_answered_task_and_starts_again(tmp_path: Path) -> None:
    answered = kill_while_creating(tmp_path, 60)
    with emulator_process(tmp_path, "--speed", "1000") as (child, url):
        client = Client(url, SystemClock().now)
        kept = {task["TaskId"] for task in client.ledger()}
        assert kept.issuperset(answered)
        assert len(kept) <= len(answered) + 3  # one under way for each thread
        assert client.finished(answered[-1])["status"] == "DONE"
        child.send_signal(signal.SIGTERM)
        assert child.wait(DEADLINE_S) == 0


@pytest.mark.slow
def test_forty_kills_lose_nothing(tmp_path: Path) -> None:
    answered: list[str] = []
    rng = random.Random(4)
    for _ in range(40):
        answered += kill_while_creating(tmp_path, rng.randint(1, 40))
    with emulator_process(tmp_path, "--speed", "1000") as (_, url):
        client = Client(url, SystemClock().now)
        tasks = client.ledger()
        assert {task["TaskId"] for task in tasks}.issuperset(answered)
        assert len(answered) <= len(tasks) <= len(answered) + 3 * 40
        for task in tasks:
            assert client.finished(task["TaskId"])["status"] == "DONE"


def test_real_music_comes_out_at_the_url(config: EmulatorConfig) -> None:
    with Emulator(replace(config, audio="short", speed=1000)) as emulator:
        client = Client(emulator.url, SystemClock().now)
        body = {"ModelName": "Mureka", "Prompt": "happy bells", "OutputAudioFormat": "wav"}
        task_id = client.create(**body, AdditionalParameters='{"n": 2}')
        contents = [client.get(output["url"])[2] for output in client.finished(task_id)["outputs"]]
        assert contents[0] != contents[1]
        info = soundfile.info(io.BytesIO(contents[0]))
        assert (info.samplerate, info.channels, info.subtype) == (44_100, 2, "PCM_16")
        assert client.describe(task_id)["AudioInfos"][0]["Duration"] == round(info.duration)


def test_attach_and_take_over(tmp_path: Path) -> None:
    config = EmulatorConfig(data=tmp_path, audio="stub", speed=1000, credentials={"AKIDemulator": "emulator"})
    with emulator_process(tmp_path, "--speed", "1000") as (child, url):
        with EmbeddedEmulator.open(config) as embedded:
            assert (embedded.url, embedded.owned) == (url, False)
            task_id = Client(embedded.url, SystemClock().now).create()
            child.send_signal(signal.SIGINT)
            assert child.wait(DEADLINE_S) == 0
            taken = embedded.url
            assert embedded.owned
            assert taken == embedded.url
            assert Client(taken, SystemClock().now).finished(task_id)["status"] == "DONE"
            embedded.close()
            embedded.close()
            with pytest.raises(ValueError, match="closed"):
                _ = embedded.url
        with Emulator(config):
            pass


def test_an_embedded_emulator_is_started_when_there_is_none_and_found_by_a_second(
    config: EmulatorConfig,
) -> None:
    with EmbeddedEmulator.open(config) as first, EmbeddedEmulator.open(config) as second:
        assert first.owned
        assert not second.owned
        assert first.url == second.url
        first.close()
        assert second.url
        assert second.owned


def test_a_folder_held_by_one_that_does_not_answer_is_reported(
    config: EmulatorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpsjobs.emulator.embedded._START_WAIT_S", 0.1)
    with Emulator(config):
        (config.data / "address.json").unlink()
        with pytest.raises(EmulatorBusy, match="starting"):
            EmbeddedEmulator.open(config)


def test_credentials_come_from_the_environment_or_are_the_documented_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENCENTCLOUD_SECRET_ID", "AKIDmine")
    monkeypatch.delenv("TENCENTCLOUD_SECRET_KEY", raising=False)
    assert default_credentials() == {"AKIDemulator": "emulator"}
    monkeypatch.setenv("TENCENTCLOUD_SECRET_KEY", "mine")
    assert default_credentials() == {"AKIDmine": "mine"}


def test_the_server_never_loads_numpy() -> None:
    code = "import sys, mpsjobs.emulator.service, mpsjobs.emulator.embedded; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def render(renderer: ProcessRenderer, path: Path) -> Rendered:
    job = RenderJob("task", "calm piano", "", instrumental=False, format=path.suffix[1:], paths=(str(path),))
    done = threading.Event()
    results: list[Rendered] = []

    def note(rendered: Rendered) -> None:
        results.append(rendered)
        done.set()

    renderer.submit(job, note)
    assert done.wait(DEADLINE_S)
    return results[0]


def test_the_child_makes_music_and_survives_its_own_death(tmp_path: Path) -> None:
    renderer = ProcessRenderer(short=True)
    try:
        first = render(renderer, tmp_path / "a.wav")
        assert first.error is None
        assert soundfile.info(tmp_path / "a.wav").duration == pytest.approx(first.seconds[0])
        (child,) = renderer._children
        os.kill(child.pid, signal.SIGKILL)
        assert render(renderer, tmp_path / "b.mp3").error is None
        assert soundfile.info(tmp_path / "b.mp3").duration == pytest.approx(first.seconds[0], abs=0.2)
        bad = render(renderer, tmp_path / "no such folder" / "c.wav")
        assert bad.error is not None
        assert bad.error.startswith("Rendering failed")
    finally:
        renderer.close()
    assert child.poll() is not None


def test_a_child_that_always_crashes_is_given_up(tmp_path: Path) -> None:
    renderer = ProcessRenderer(command=("-c", "raise SystemExit"))
    try:
        assert render(renderer, tmp_path / "a.wav").error == "The renderer crashed 3 times on this task"
    finally:
        renderer.close()


def test_a_child_ends_with_its_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "mpsjobs.emulator.renderer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(DEADLINE_S) == 0
        assert not renderer_left(child.pid)


def renderer_left(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
