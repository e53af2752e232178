"""`make bench`: measure, print a table with ratios, keep it in `benchmarks/results/`. `make bench-quick`: what takes no time, kept nowhere."""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import applying, peers, plans, review
from benchmarks.table import RESULTS, Row, document, markdown, put_into_docs, regressions


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="under a minute: smaller, fewer runs, without Terraform"
    )
    quick = parser.parse_args().quick
    runs = 3 if quick else 5
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for row in _rows(Path(folder), runs, quick=quick):
            rows.append(row)
            print(f"{row.verdict:8} {row.what}: {row.value} {row.unit} ({row.detail})", flush=True)
    told = regressions(rows)
    print(f"\n{markdown(rows)}\n")
    print(
        "\n".join(("Worse than the last result:", *told))
        if told
        else "Nothing is worse than in the last result."
    )
    if not quick:
        found = document(rows, runs)
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{str(found['at'])[:10]}.json"
        file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        put_into_docs(found, rows)
        print(f"\nKept in {file} and in docs/performance.md.")


def _rows(root: Path, runs: int, *, quick: bool) -> Iterator[Row]:
    yield from plans.rows(root, runs, large=0 if quick else 100_000, terraform=not quick)
    yield from applying.recording_rows(root, runs)
    yield from applying.simulated_rows(5_000 if quick else 100_000)
    yield from review.rows(root)
    if not quick:
        yield from applying.real_rows(root, 2_000)
        yield from peers.rows(root, runs)


main()
