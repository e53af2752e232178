"""`mpsjobs review` where it cannot do what it was told."""

from pathlib import Path

import pytest

from mpsjobs.cli.app import run
from mpsjobs.review.web import Server


def test_a_page_of_something_else_is_not_written_over(
    soundtrack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    (site / "waveforms").mkdir(parents=True)
    (site / "index.html").write_text("<h1>Our game</h1>")
    (site / "waveforms" / "logo.svg").write_text("<svg/>")
    before = {file: file.read_bytes() for file in site.rglob("*.*")}
    assert run(("-C", str(soundtrack), "review", "--export", str(site))) == 1
    assert "error[E0806]: The folder has another page" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in site.rglob("*.*")} == before


def test_a_port_that_is_taken_is_told_as_such(
    served: Server, soundtrack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(("-C", str(soundtrack), "review", "--port", str(served.server_port))) == 1
    assert "'--port': Address already in use. Without it a free port is taken." in capsys.readouterr().err
