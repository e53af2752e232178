"""Plans, `fmt` and the first word of help: whole processes, cold and warm, against Terraform and against themselves at another size."""

import copy
import json
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import MPSJOBS, Cost, cost
from benchmarks.projects import applied_project
from benchmarks.table import Row

_RACY_S = 2.1
"""What changed so shortly ago is not kept."""


def rows(root: Path, runs: int, *, large: int, terraform: bool) -> Iterator[Row]:
    nothing = cost((sys.executable, "-c", "pass"), runs)
    version = cost((*MPSJOBS, "version"), runs)
    yield Row(
        "version, over `python -c pass`",
        version.cpu_s - nothing.cpu_s,
        0.08,
        "s",
        f"{version}; Python: {nothing}",
    )
    small, ten = root / "ten", root / "ten_thousand"
    applied_project(small, 10)
    applied_project(ten, 10_000)
    time.sleep(_RACY_S)
    warm_small = _plan(small, runs)
    yield Row(
        "plan of 10 assets, warm, over `python -c pass`",
        warm_small.cpu_s - nothing.cpu_s,
        0.25,
        "s",
        str(warm_small),
    )
    warm, cold = _plan(ten, runs), _plan(ten, runs, "--no-cache")
    yield from _against_terraform(root, warm, cold, runs if terraform else 0)
    yield Row("peak memory of plan at 10,000, warm", warm.peak_mib, 120, "MiB", str(warm))
    yield Row("peak memory of plan at 10,000, cold", cold.peak_mib, 120, "MiB", str(cold))
    yield from _fmt(ten, warm, runs)
    if large:
        yield from _growth(root, large, warm, cold, runs)


def _plan(where: Path, runs: int, *options: str) -> Cost:
    return cost((*MPSJOBS, "-C", str(where), "plan", *options), runs)


def _growth(root: Path, large: int, warm: Cost, cold: Cost, runs: int) -> Iterator[Row]:
    times = large // 10_000
    applied_project(root / "large", large)
    time.sleep(_RACY_S)
    for name, base, figure in (
        ("warm", warm, _plan(root / "large", runs)),
        ("cold", cold, _plan(root / "large", min(runs, 3), "--no-cache")),
    ):
        title, goal = f"growth 10,000 → {large:,}", times * 1.1
        yield Row(f"{title}, CPU of plan, {name}", figure.cpu_s / base.cpu_s, goal, "×", f"{base} → {figure}")
        yield Row(
            f"{title}, memory of plan, {name}",
            figure.peak_mib / base.peak_mib,
            goal,
            "×",
            f"{base} → {figure}",
        )


def _fmt(ten: Path, warm: Cost, runs: int) -> Iterator[Row]:
    check = (*MPSJOBS, "-C", str(ten), "fmt", "--check")
    again, anew = cost(check, runs), cost((*check, "--no-cache"), runs)
    yield Row("fmt --check of 10,000, warm, over a warm plan", again.cpu_s / warm.cpu_s, 1.3, "×", str(again))
    yield Row("fmt --check of 10,000, cold, an asset", anew.cpu_s / 10, 2.5, "ms", str(anew))


def _against_terraform(root: Path, warm: Cost, cold: Cost, runs: int) -> Iterator[Row]:
    theirs = _terraform(root / "terraform", 10_000, runs) if runs else None
    ratios: Sequence[tuple[str, int, Callable[[Cost], float], Cost]] = (
        ("CPU of plan at 10,000, warm, terraform over mpsjobs", 150, lambda t: t.cpu_s / warm.cpu_s, warm),
        ("CPU of plan at 10,000, cold, terraform over mpsjobs", 20, lambda t: t.cpu_s / cold.cpu_s, cold),
        (
            "memory of plan at 10,000, warm, terraform over mpsjobs",
            15,
            lambda t: t.peak_mib / warm.peak_mib,
            warm,
        ),
        (
            "memory of plan at 10,000, cold, terraform over mpsjobs",
            15,
            lambda t: t.peak_mib / cold.peak_mib,
            cold,
        ),
    )
    for what, goal, ratio, ours in ratios:
        detail = f"{ours}; terraform: {theirs}" if theirs else "terraform is not installed, or left out"
        yield Row(what, ratio(theirs) if theirs else None, goal, "×", detail, more=True)


def _terraform(root: Path, assets: int, runs: int) -> Cost | None:
    """The same assets as terraform_data blocks, applied."""
    program = shutil.which("terraform")
    if program is None:
        return None
    root.mkdir()
    run = partial(subprocess.run, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _blocks(root, 1)
    run((program, "init", "-input=false"))
    run((program, "apply", "-auto-approve", "-input=false"))
    _blocks(root, assets)
    state = json.loads((root / "terraform.tfstate").read_text(encoding="utf-8"))
    (one,) = state["resources"]
    state["resources"] = [
        _resource(one, number) for number in range(assets)
    ]  # to apply them takes it many minutes
    (root / "terraform.tfstate").write_text(json.dumps(state), encoding="utf-8")
    plan = (program, "plan", "-input=false", "-lock=false", "-detailed-exitcode")
    run(plan)  # 2, and so an error, if it found changes
    return cost(plan, runs, cwd=root)


def _prompt(number: int) -> str:
    return f"Warm theme number {number}, 92 bpm, strings"


def _blocks(root: Path, assets: int) -> None:
    """As our assets: another sound is another object, tags are not part of it."""
    blocks = (
        f"""resource "terraform_data" "a{each}" {{
  input            = {{ tags = ["bench"] }}
  triggers_replace = {{ model = "MiniMaxMusic", version = "2.6", format = "mp3", prompt = "{_prompt(each)}" }}
}}
"""
        for each in range(assets)
    )
    (root / "main.tf").write_text("".join(blocks), encoding="utf-8")


def _resource(one: dict[str, Any], number: int) -> dict[str, Any]:
    """The record that Terraform makes of a block, for another block."""
    made = copy.deepcopy(one) | {"name": f"a{number}"}
    (instance,) = made["instances"]
    instance["attributes"]["id"] = str(uuid.UUID(int=number))
    instance["attributes"]["triggers_replace"]["value"]["prompt"] = _prompt(number)
    return made
