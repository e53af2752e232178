"""An emulator as a process of its own, as another program would start it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def emulator_process(
    data: Path, *options: str, keys: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL. It knows `keys` (variables of its environment), else the documented pair."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TENCENTCLOUD_")}
    command = [sys.executable, "-m", "mpsjobs.emulator", "--data", str(data), "--audio", "stub", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment | dict(keys or {})
    ) as child:
        try:
            assert child.stdout is not None
            yield child, child.stdout.readline().strip()
        finally:
            child.kill()
