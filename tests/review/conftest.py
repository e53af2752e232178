"""A project that was applied and changed since, the server of its page, and a real browser."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from mpsjobs.cli.app import run
from mpsjobs.project import Project
from mpsjobs.review.listening import Listening
from mpsjobs.review.web import Server

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
SETTINGS = """\
project: aurora
provider: {kind: emulator, speed: 1000, audio: short}
defaults: {model: MiniMaxMusic, version: "2.6", format: mp3}
"""
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> ../../etc/passwd \u202egnp.exe"
SPEC = """\
# The director listens to these.
assets:
  boss:           # two to choose from
    prompt: Driving battle music, heavy drums, fast strings
    takes: 2
    pick: 1       # for now
    format: wav
    tags: [battle]
  theme: {prompt: "Warm main theme, hopeful", master: {loudness: -20 LUFS, format: [mp3, ogg]}}   # may change
  gone: A short jingle
"""


PICKS = """\
# The director decides.

# waits for the mix
theme: {take: 1, fingerprint: "f1:00000000", approved: true}   # of another prompt
"""


def changed(spec: str) -> str:
    """The spec as it is when somebody listens: one prompt was rewritten, one asset came with hostile words, one is gone."""
    hostile = HOSTILE.replace('"', '\\"').replace("\u202e", "\\u202e")
    return (
        spec.replace("Warm main theme", "Cold main theme").replace("  gone: A short jingle\n", "")
        + f'  hostile: {{prompt: "{hostile}", description: "{hostile}", tags: ["<b>tag"]}}\n'
    )


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; whoever changes something works on a copy."""
    root = tmp_path_factory.mktemp("review") / "project"
    (root / "specs").mkdir(parents=True)
    (root / "mpsjobs.yaml").write_text(SETTINGS, encoding="utf-8")
    (root / "specs" / "music.yaml").write_text(SPEC, encoding="utf-8")
    assert run(("-C", str(root), "apply", "--auto-approve")) == 0
    (root / "specs" / "music.yaml").write_text(changed(SPEC), encoding="utf-8")
    (root / "mpsjobs.picks.yaml").write_text(PICKS, encoding="utf-8")
    return root


@pytest.fixture
def soundtrack(applied: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(applied, tmp_path / "project"))


@pytest.fixture
def served(soundtrack: Path) -> Iterator[Server]:
    with Server(Listening(Project.open(soundtrack))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(
    scope="module"
)  # its event loop must not run while other modules' tests want one of their own
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; on Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong: no error of a script, no refusal by its own policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    refusal = (
        "the server responded with a status of 409"  # a decision that cannot be made is told on the page
    )
    yield page
    context.close()
    assert not [each for each in trouble if refusal not in each]
