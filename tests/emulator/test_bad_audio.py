"""Audio that is bad on request: by probability, by order, or by a word of the prompt."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mpsjobs.audio.measuring import measure
from mpsjobs.emulator import Emulator, EmulatorConfig
from mpsjobs.emulator.bad_audio import SHORT_S, spoil
from mpsjobs.emulator.faults import AudioFault, Faults
from mpsjobs.emulator.stub import write_stub
from mpsjobs.model.measures import Measured, Measures

from .emulator_client import Client, HandClock


def figures(test: Callable[[Measures], bool]) -> Callable[[Measured], bool]:
    return lambda measured: measured.measures is not None and test(measured.measures)


WRONG: dict[AudioFault, Callable[[Measured], bool]] = {
    AudioFault.SILENT: figures(lambda found: found.silent and found.duration_s > 0.9),
    AudioFault.CLIPPED: figures(lambda found: found.clipped > 20 and (found.loudness or -99) > -5),
    AudioFault.SHORT: figures(lambda found: 0.2 < found.duration_s <= SHORT_S and not found.silent),
    AudioFault.CORRUPT: lambda measured: measured.measures is None,
    AudioFault.OTHER_FORMAT: figures(lambda _: True),
}


@pytest.mark.parametrize("kind", ["mp3", "wav"])
@pytest.mark.parametrize("fault", AudioFault)
def test_each_fault_spoils_what_it_says(tmp_path: Path, fault: AudioFault, kind: str) -> None:
    file = tmp_path / f"a.{kind}"
    seconds = write_stub(file, kind, "seed")
    good = measure(file)
    assert good.format == kind
    assert not any(wrong(good) for each, wrong in WRONG.items() if each is not AudioFault.OTHER_FORMAT)
    said = spoil(file, kind, fault, "seed", seconds)
    bad = measure(file)
    assert WRONG[fault](bad)
    if bad.measures:
        assert (bad.format == kind) is (fault is not AudioFault.OTHER_FORMAT)
        assert bad.measures.duration_s == pytest.approx(said, abs=0.1)


def test_a_word_in_the_prompt_orders_it_always_or_for_the_first_tasks() -> None:
    faults = Faults({})
    assert [faults.of_create("rain mpsaudio-silent, soft").audio for _ in range(3)] == [AudioFault.SILENT] * 3
    twice = [faults.of_create("rain mpsaudio-other-format:2").audio for _ in range(4)]
    assert twice == [AudioFault.OTHER_FORMAT, AudioFault.OTHER_FORMAT, None, None]
    for other in ("mpsaudio-nothing", "xmpsaudio-silent", "mpsaudio-silently", "silent", "mpsaudio-silent:0"):
        assert faults.of_create(other).audio is None


def test_a_word_counts_on_after_a_restart() -> None:
    assert Faults({}, created=["mpsaudio-short:2"]).of_create("mpsaudio-short:2").audio is AudioFault.SHORT
    assert Faults({}, created=["mpsaudio-short:2"] * 2).of_create("mpsaudio-short:2").audio is None


def test_a_task_with_bad_audio_is_done_and_the_ledger_says_what_was_wrong(
    config: EmulatorConfig, clock: HandClock
) -> None:
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        client.control({"next": [{"fault": ["audio-silent", "slow"]}], "delays": {"slow": 0}})
        client.create(Prompt="a tune")
    with Emulator(config, clock=clock) as emulator:
        client = Client(emulator.url, clock.now)
        (task,) = client.ledger()
        clock.advance(700)
        done = client.finished(task["TaskId"])
        assert (done["status"], done["audio_fault"]) == ("DONE", "audio-silent")
        (file,) = [each for each in config.objects.rglob("*.mp3") if re.search(r"-0\.mp3$", each.name)]
        found = measure(file).measures
        assert found
        assert found.silent
