"""`make bench`: measure, and print a table. CPU seconds of whole processes, medians of five runs."""

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mpsjobs._version import __version__
from mpsjobs.cloud.clock import SystemClock
from mpsjobs.model.events import AssetRecorded, Event, OutputsRecorded, SubmitIntended, TaskSubmitted
from mpsjobs.model.state import Output
from mpsjobs.state.file_store import FileStateStore

RUNS = 5
SETTINGS = "project: bench\nprovider: {kind: emulator}\ndefaults: {model: MiniMaxMusic, version: '2.6', format: mp3}\n"


def project(root: Path, assets: int) -> Path:
    """A project of so many assets, a hundred in a file."""
    (root / "specs").mkdir(parents=True)
    (root / "mpsjobs.yaml").write_text(SETTINGS)
    for start in range(0, assets, 100):
        lines = [f"group: g{start}", "assets:"]
        for number in range(start, min(start + 100, assets)):
            lines += [
                f"  a{number}:",
                f"    prompt: Warm theme number {number}, 92 bpm, strings",
                "    tags: [bench]",
            ]
        (root / "specs" / f"s{start:06}.yaml").write_text("\n".join(lines) + "\n")
    return root


def cpu(*command: str) -> float:
    """User and system seconds of a process, the median of several runs."""
    figures = []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(figures)


def one_take(number: int) -> list[Event]:
    """The events of one take from the intent to the recorded outputs."""
    at, attempt = "2026-01-01T00:00:00.000Z", f"attempt-{number}"
    name = f"f1:{number:032x}"
    intent = SubmitIntended(
        at=at,
        address=f"a{number}",
        fingerprint=name,
        fields={"model": "GL", "prompt": f"theme {number}"},
        take=1,
        attempt_id=attempt,
        realm="emulator",
        bucket="local-1250000000",
        region="local",
        cos_path=f"takes/{attempt}/",
        host="h",
        boot_id="b",
    )
    output = Output(
        "local-1250000000", "local", f"takes/{attempt}/1.mp3", "e", 500_000, "0" * 64, "mp3", 30.0
    )
    return [
        intent,
        AssetRecorded(at, f"a{number}", name, "emulator", 1, None),
        TaskSubmitted(at, attempt, f"task-{number}", "request"),
        OutputsRecorded(at, attempt, (output,)),
    ]


def recording(root: Path, assets: int) -> float:
    """Seconds to record one completion, durable, in a state of so many assets."""
    session = FileStateStore(root / f"{assets}.json", clock=SystemClock(), version=__version__).open(
        "bench", lock_timeout_s=0
    )
    session.append([event for number in range(assets) for event in one_take(number)], sync=False)
    figures = []
    for number in range(assets, assets + 200):
        *first, completion = one_take(number)
        session.append(first)
        started = time.perf_counter()
        session.append([completion])
        figures.append(time.perf_counter() - started)
    session.close()
    return statistics.median(figures)


def rows() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        mpsjobs = (sys.executable, "-m", "mpsjobs")
        nothing = cpu(sys.executable, "-c", "pass")
        yield "python -c pass", f"{nothing:.3f} s", "1"
        version = cpu(*mpsjobs, "version")
        yield "version", f"{version:.3f} s", f"{version - nothing:+.3f} s over bare Python"
        figures = {}
        for size in (10, 1_000, 10_000):
            where = project(root / str(size), size)
            figures[size] = cpu(*mpsjobs, "-C", str(where), "plan", "--json")
            yield (
                f"plan of {size:,} new assets",
                f"{figures[size]:.2f} s",
                f"{figures[size] / figures[10]:.1f} x ten assets",
            )
        small, large = recording(root, 1_000), recording(root, 100_000)
        yield "recording a completion, 1,000 assets", f"{small * 1000:.2f} ms", "1"
        yield (
            "recording a completion, 100,000 assets",
            f"{large * 1000:.2f} ms",
            f"{large / small:.2f} x 1,000 assets",
        )


def main() -> None:
    print(
        f"mpsjobs {__version__}, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores\n"
    )
    print("| what | cost | ratio |\n|---|---|---|")
    for what, cost, ratio in rows():
        print(f"| {what} | {cost} | {ratio} |", flush=True)


if __name__ == "__main__":
    main()
