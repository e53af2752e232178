"""Other tools that compare what files want with what was done, at sizes that they bear: each finds that there is nothing to do."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import MPSJOBS, cost
from benchmarks.projects import applied_project
from benchmarks.table import Row


@dataclass(frozen=True)
class Peer:
    """`make` makes its project of so many things in a folder, already done; `command` is its plan."""

    name: str
    packages: tuple[str, ...]
    things: int
    make: Callable[[Path, Path, int], None]
    command: tuple[str, ...]


def rows(root: Path, runs: int) -> Iterator[Row]:
    for peer in PEERS:
        what = f"CPU of a plan at {peer.things:,}, cold, {peer.name} over mpsjobs"
        bin_ = root / f"{peer.name}-env" / "bin"
        try:
            subprocess.run((sys.executable, "-m", "venv", str(bin_.parent)), check=True)
            subprocess.run((bin_ / "pip", "install", "-q", *peer.packages), check=True, capture_output=True)
        except subprocess.CalledProcessError:
            yield Row(what, None, None, "×", f"{peer.name} cannot be installed here", more=True)
            continue
        project = root / peer.name
        project.mkdir()
        peer.make(project, bin_, peer.things)
        theirs = cost((str(bin_ / peer.command[0]), *peer.command[1:]), runs, cwd=project)
        own = root / f"{peer.name}-own"
        applied_project(own, peer.things)
        ours = cost((*MPSJOBS, "-C", str(own), "plan", "--no-cache"), runs)
        yield Row(what, theirs.cpu_s / ours.cpu_s, None, "×", f"{ours}; {peer.name}: {theirs}", more=True)


def _doit(root: Path, bin_: Path, things: int) -> None:
    """Tasks that depend on a file each and have run."""
    (root / "in").mkdir()
    for number in range(things):
        (root / "in" / f"{number}.txt").write_text(f"Warm theme number {number}")
    (root / "dodo.py").write_text(
        "def nothing():\n    pass\n\ndef task_theme():\n"
        f"    for number in range({things}):\n"
        "        yield {'name': str(number), 'file_dep': [f'in/{number}.txt'], 'actions': [nothing]}\n"
    )
    subprocess.run((bin_ / "doit", "-v", "0"), cwd=root, check=True, stdout=subprocess.DEVNULL)


def _octodns(root: Path, _: Path, things: int) -> None:
    """Records of a zone, in a source and, the same, in a target."""
    zone = "".join(f"a{n}:\n  type: TXT\n  value: Warm theme number {n}\n" for n in range(things))
    providers = []
    for name in ("source", "target"):
        (root / name).mkdir()
        (root / name / "example.com.yaml").write_text(f"---\n{zone}")
        providers.append(
            f"  {name}:\n    class: octodns.provider.yaml.YamlProvider\n    directory: ./{name}\n    enforce_order: false\n"
        )
    (root / "config.yaml").write_text(
        f"providers:\n{''.join(providers)}zones:\n  example.com.:\n    sources: [source]\n    targets: [target]\n"
    )


def _dvc(root: Path, bin_: Path, things: int) -> None:
    """Stages that have run."""
    stages = "".join(f"  a{n}:\n    cmd: 'true'\n    params: [a{n}]\n" for n in range(things))
    (root / "dvc.yaml").write_text(f"stages:\n{stages}")
    (root / "params.yaml").write_text("".join(f"a{n}: Warm theme number {n}\n" for n in range(things)))
    subprocess.run((bin_ / "dvc", "init", "--no-scm", "-q"), cwd=root, check=True)
    subprocess.run((bin_ / "dvc", "commit", "-f", "-q"), cwd=root, check=True)


PEERS = (
    Peer("doit", ("doit",), 10_000, _doit, ("doit", "list", "--all", "--status", "-q")),
    Peer(
        "octodns", ("octodns",), 10_000, _octodns, ("octodns-sync", "--config-file", "config.yaml", "--quiet")
    ),
    Peer("dvc", ("dvc",), 200, _dvc, ("dvc", "status", "-q")),
)
