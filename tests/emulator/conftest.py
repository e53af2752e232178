from collections.abc import Iterator
from pathlib import Path

import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig

from .emulator_client import ID, KEY, Client, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def config(tmp_path: Path) -> EmulatorConfig:
    return EmulatorConfig(data=tmp_path / "data", audio="stub", credentials={ID: KEY})


@pytest.fixture
def emulator(config: EmulatorConfig, clock: HandClock) -> Iterator[Emulator]:
    with Emulator(config, clock=clock) as running:
        yield running


@pytest.fixture
def client(emulator: Emulator, clock: HandClock) -> Client:
    return Client(emulator.url, clock.now)
