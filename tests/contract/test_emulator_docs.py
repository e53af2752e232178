"""What docs/emulator.md shows is run as it stands, but for the port."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpsjobs.emulator import Emulator, EmulatorConfig
from tests.conftest import ledger_of

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("emulator")
    keys = {"AKIDemulator": "emulator"}
    with Emulator(EmulatorConfig(data=data, audio="stub", credentials=keys)) as emulator:
        yield emulator.url


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_every_program_of_the_page_creates_a_task(url: str, program: str) -> None:
    before = len(ledger_of(url))
    text = program.replace("127.0.0.1:9000", url.removeprefix("http://"))
    ran = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert len(ledger_of(url)) == before + 1


def test_the_page_names_every_option(url: str) -> None:
    from mpsjobs.cli.emulator import command

    page = PAGE.read_text(encoding="utf-8")
    for option in command.params:
        assert any(name in page for name in option.opts), option.opts
