from pathlib import Path

import pytest

from mpsjobs.cloud.connection import Timeouts
from mpsjobs.cloud.fetch import Fetcher
from mpsjobs.model.diagnostics import CloudError

from .raw_server import RawServer, answer, answering_then_closing

TIMEOUTS = Timeouts(5, 5)


def test_a_result_is_written_to_the_file(tmp_path: Path) -> None:
    with RawServer([answering_then_closing(answer(b"sound", content_type="audio/wav"))]) as server:
        Fetcher(TIMEOUTS)(f"{server.url}/x.wav?sign=secret", tmp_path / "x.wav")
    assert (tmp_path / "x.wav").read_bytes() == b"sound"


@pytest.mark.parametrize(
    "reply", [answer(b"gone", status="404 Not Found"), b"", b"rubbish\r\n\r\n", answer(b"sound")[:-2]]
)
def test_a_failure_is_told_without_the_signature(tmp_path: Path, reply: bytes) -> None:
    with (
        RawServer([answering_then_closing(reply)]) as server,
        pytest.raises(CloudError) as caught,
    ):
        Fetcher(TIMEOUTS)(f"{server.url}/x.wav?sign=secret", tmp_path / "x.wav")
    assert "secret" not in repr(caught.value.diagnostics)


def test_only_the_web_is_fetched_from(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="file"):
        Fetcher(TIMEOUTS)("file:///etc/hostname", tmp_path / "x")
