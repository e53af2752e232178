"""The listening page of 2,000 assets in a real browser: until something is seen, while it is scrolled, and what it takes of memory."""

import shutil
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from playwright.sync_api import Page, sync_playwright

from benchmarks.projects import applied_project
from benchmarks.table import Row
from mpsjobs.audio.measurer import encode
from mpsjobs.model.measures import PAIRS, Measured
from mpsjobs.project import Project
from mpsjobs.review.document import review_document
from mpsjobs.review.listening import Listening
from mpsjobs.review.web import Server

ASSETS = 2_000
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync")
_SCROLL = """async () => {
  const box = document.getElementById("list");
  const frames = [];
  let before = performance.now();
  for (let step = 0; step < 200; step++) {
    box.scrollTop += box.scrollHeight / 200;
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - before);
    before = performance.now();
  }
  return frames;
}"""


def rows(root: Path) -> Iterator[Row]:
    """Skipped where there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        yield Row("first paint of the listening page", None, None, "s", "there is no Chromium")
        return
    project = Project.open(applied_project(root / "review", ASSETS))
    _draw(project.root)
    listening = Listening(project)
    begun = time.perf_counter()
    review_document(listening.look(), "served")
    yield Row("making the review document", time.perf_counter() - begun, None, "s", f"{ASSETS:,} assets")
    with Server(listening) as server, sync_playwright() as playwright:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.url)
        page.locator(".row").first.wait_for()
        yield from _measured(page)
        browser.close()
        server.shutdown()


def _measured(page: Page) -> Iterator[Row]:
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    data = (
        page.evaluate("performance.getEntriesByName(new URL('data.js', location).href)[0].responseEnd") / 1000
    )
    size = page.evaluate("performance.getEntriesByName(new URL('data.js', location).href)[0].decodedBodySize")
    detail = f"{ASSETS:,} assets, {size / 1e6:.1f} MB of data, there after {data:.2f} s"
    yield Row("first paint of the listening page", paint, None, "s", detail)
    page.get_by_role("button", name="All").click()
    frames = sorted(page.evaluate(_SCROLL))
    late = sum(frame > 34 for frame in frames)
    detail = f"median {statistics.median(frames):.1f} ms; {late} of {len(frames)} frames took more than two of a screen's"
    yield Row(
        "scrolling the listening page, 95th of 100 frames",
        frames[int(0.95 * len(frames))],
        None,
        "ms",
        detail,
    )
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    detail = f"JavaScript's heap of the page after scrolling; {found['Nodes']:,.0f} nodes of the document"
    yield Row("memory of the listening page", found["JSHeapUsedSize"] / 2**20, None, "MiB", detail)


def _draw(root: Path) -> None:
    """A waveform for each asset, as if it had been measured."""
    random = Random(1)
    for number in range(ASSETS):
        sha256 = f"{number:064x}"
        file = root / ".mpsjobs" / "cache" / "measures" / sha256[:2] / f"{sha256}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(Measured("mp3", peaks=random.randbytes(2 * PAIRS))))
