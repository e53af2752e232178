"""The page in a real browser: heard, seen, and without a mouse."""

import json
import re
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from jsonschema import Draft202012Validator
from playwright.sync_api import Browser, Page, expect

from mpsjobs.cli.app import run
from mpsjobs.cli.schema import printed_schema
from mpsjobs.review.web import Server
from tests.review.conftest import HOSTILE, PICKS


def position(page: Page) -> float:
    found: float = page.evaluate("player.track ? player.positionOf(player.track) : -1")
    return found


def until(page: Page, condition: str) -> None:
    """Waits for something that only the page's own script can tell. (The page's policy forbids what `wait_for_function` does.)"""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(condition)


def plays(page: Page) -> None:
    """Waits until the time runs."""
    start = position(page)
    until(page, f"player.playing && player.positionOf(player.track) > {start} + 0.05")


def audible(page: Page) -> int:
    count: int = page.evaluate("player.heardNow")
    return count


def walk(page: Page) -> None:
    """All that can be heard in a served and in an exported page."""
    expect(page.locator("#summary")).to_contain_text("1 to generate")
    expect(page.locator("#summary")).to_contain_text("1 to regenerate")
    page.get_by_role("button", name="All").click()
    page.get_by_role("option", name="boss").click()
    expect(page.get_by_role("heading", level=2)).to_contain_text("boss")

    # WAV: space plays, the time runs, the slider seeks, the other take plays alone.
    page.keyboard.press(" ")
    plays(page)
    slider = page.get_by_role("slider", name="Position in boss take 1")
    box = slider.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 5)
    until(page, "player.positionOf(player.track) > 0.4 * player.durationOf(player.track)")
    page.keyboard.press("b")
    expect(page.locator("#now")).to_have_text("boss take 2")
    until(page, "player.positionOf(player.track) > 0.4 * player.durationOf(player.track)")
    assert audible(page) == 1
    page.keyboard.press(" ")
    until(page, "!player.playing")

    # MP3, and the sound that it had.
    page.keyboard.press("/")
    page.keyboard.type("theme")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_contain_text("theme")
    expect(page.locator(".reasons")).to_contain_text("Warm")
    expect(page.locator(".warning")).to_contain_text("takes a yes: --allow-regenerate theme")
    expect(page.locator(".reasons ins")).to_have_text("Cold")
    page.keyboard.press(" ")
    plays(page)
    expect(page.locator("#now")).to_have_text("theme take 1 as it was, finished")
    start = position(page)
    page.keyboard.press("f")
    expect(page.locator("#now")).to_have_text("theme take 1 as it was, raw")
    until(page, f"player.playing && player.positionOf(player.track) > {start}")
    assert audible(page) == 1

    # An asset that is gone can be heard; going on plays on.
    page.get_by_role("searchbox").fill("")
    page.keyboard.press("Escape")
    for name in ("boss", "gone"):
        page.keyboard.press("j")
        expect(page.get_by_role("heading", level=2)).to_contain_text(name)
    plays(page)
    assert audible(page) == 1

    # Hostile words are words.
    page.get_by_role("option", name="hostile").click()
    expect(page.locator(".description")).to_contain_text("<script>")
    expect(page.locator(".description")).to_contain_text("U+202E")
    assert page.locator("#detail script, #detail img, #list img, #list b").count() == 0
    assert page.title() == "aurora: review"


def test_the_served_page_plays_wav_and_mp3_and_seeks_and_compares(served: Server, page: Page) -> None:
    page.goto(served.url)
    walk(page)
    page.get_by_role("option", name="theme").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save theme take 1 as it was, finished as ogg").click()
    assert saved.value.suggested_filename == "theme-take-1-finished.ogg"


def test_what_keys_decide_stands_in_the_files_with_every_comment_kept(
    served: Server, page: Page, soundtrack: Path
) -> None:
    spec, picks = soundtrack / "specs" / "music.yaml", soundtrack / "mpsjobs.picks.yaml"
    before = spec.read_text(encoding="utf-8")
    page.goto(f"{served.url}#boss")
    page.keyboard.press("2")
    expect(page.locator("#said")).to_have_text("boss: take 2 is picked")
    assert spec.read_text(encoding="utf-8") == before.replace(
        "pick: 1       # for now", "pick: 2       # for now"
    )
    page.keyboard.press("a")
    expect(page.locator("#said")).to_have_text("boss: take 2 is approved")
    page.keyboard.press("T")  # the other take, and that one is rejected
    page.keyboard.press("x")
    expect(page.locator("#said")).to_have_text("boss: take 1 is rejected")
    written = picks.read_text(encoding="utf-8")
    for line in PICKS.splitlines():
        assert line in written
    assert re.search(
        r'^boss: \{take: 2, .*approved: true, rejected: \{1: "[0-9a-f]+"\}\}$', written, re.MULTILINE
    )

    page.keyboard.press("d")
    shown = page.get_by_role("dialog")
    expect(shown).to_contain_text("To commit: 2 files")
    expect(shown).to_contain_text(
        "All that is planned: 3 generations to pay"
    )  # with the one in place of the rejected take
    expect(page.locator("#summary")).to_contain_text("3 generations to pay")
    expect(shown).to_contain_text("+    pick: 2       # for now")
    page.keyboard.press("Escape")

    # What cannot be: the reason is told, and nothing is written.
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("rejected")
    assert picks.read_text(encoding="utf-8") == written
    page.get_by_role("button", name="Reject take 1").click()
    expect(page.locator("#said")).to_have_text("boss: take 1 is not rejected any more")
    page.reload()
    expect(page.get_by_role("button", name="To commit: 2 files")).to_be_visible()
    expect(page.get_by_role("button", name="Approve take 2")).to_have_attribute("aria-pressed", "true")


def test_what_was_decided_on_an_exported_page_is_taken_along(
    soundtrack: Path, tmp_path: Path, page: Page
) -> None:
    out = tmp_path / "out"
    assert run(("-C", str(soundtrack), "review", "--export", str(out), "--all")) == 0
    page.goto(f"{(out / 'index.html').as_uri()}#boss")
    page.keyboard.press("2")
    page.keyboard.press("a")
    page.reload()
    expect(page.get_by_role("button", name="Approve take 2")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Reject take 1").click()
    page.get_by_role("button", name="1 decision").click()
    expect(page.get_by_role("dialog")).to_contain_text(
        "mpsjobs reject boss 1 && mpsjobs pick boss 2 && mpsjobs approve boss"
    )
    expect(page.get_by_role("dialog")).to_contain_text(
        "In place of what is rejected the next apply buys 1 take."
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Download picks.json").click()
    download.value.save_as(tmp_path / "picks.json")
    Draft202012Validator(json.loads(printed_schema("picks"))).validate(
        json.loads((tmp_path / "picks.json").read_text())
    )
    assert run(("-C", str(soundtrack), "pick", "--from", str(tmp_path / "picks.json"))) == 0
    assert "pick: 2       # for now" in (soundtrack / "specs" / "music.yaml").read_text(encoding="utf-8")
    assert "approved: true, rejected: {1:" in (soundtrack / "mpsjobs.picks.yaml").read_text(encoding="utf-8")


def test_the_exported_page_does_the_same_from_a_folder(soundtrack: Path, tmp_path: Path, page: Page) -> None:
    assert run(("-C", str(soundtrack), "review", "--export", str(tmp_path / "out"), "--all")) == 0
    page.goto((tmp_path / "out" / "index.html").as_uri())
    walk(page)
    assert HOSTILE not in page.content()


def test_a_page_that_is_looked_at_again_shows_what_was_decided_and_written_elsewhere(
    served: Server, page: Page, soundtrack: Path
) -> None:
    returns = "document.dispatchEvent(new Event('visibilitychange'))"
    spec = soundtrack / "specs" / "music.yaml"
    page.goto(f"{served.url}#boss")
    expect(page.get_by_role("button", name="Pick take 1")).to_have_attribute("aria-pressed", "true")
    assert run(("-C", str(soundtrack), "pick", "boss", "2")) == 0
    page.evaluate(returns)
    expect(page.get_by_role("button", name="Pick take 2")).to_have_attribute("aria-pressed", "true")

    # What was heard is no longer what the spec asks for: nothing is decided, and the page shows what is there now.
    before = spec.read_text(encoding="utf-8")
    spec.write_text(before.replace("Driving battle", "Slow battle"), encoding="utf-8")
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("boss has another sound now")
    expect(page.locator(".of-new")).to_contain_text("An apply makes 2 generations")
    expect(page.locator(".of-old .take")).to_have_count(2)
    for key, why in (
        ("a", "no take of the wanted sound to approve"),
        ("x", "Only takes of the wanted sound"),
    ):
        page.keyboard.press(key)
        expect(page.locator("#said")).to_contain_text(why)

    spec.write_text("assets: {a: {pormpt: x}}\n", encoding="utf-8")
    page.reload()
    expect(page.locator("#detail")).to_contain_text('specs/music.yaml:1: Unknown key "pormpt"')
    spec.write_text(before, encoding="utf-8")
    page.evaluate(returns)
    expect(page.get_by_role("heading", level=2)).to_contain_text("boss")


def test_a_finger_on_a_waveform_seeks_and_one_that_scrolls_the_page_does_not(
    served: Server, browser: Browser
) -> None:
    with browser.new_context(
        viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    ) as context:
        page = context.new_page()
        page.goto(f"{served.url}#boss")
        wave = page.get_by_role("slider", name="Position in boss take 2")
        wave.scroll_into_view_if_needed()
        box = wave.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + 20
        touch = context.new_cdp_session(page)
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for up in range(10, 160, 15):
            touch.send(
                "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - up}]}
            )
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert audible(page) == 0
        wave.scroll_into_view_if_needed()
        wave.tap()
        expect(page.locator("#now")).to_have_text("boss take 2")
        until(
            page, "player.playing && player.positionOf(player.track) > 0.4 * player.durationOf(player.track)"
        )

        # Going back leads from an asset to the list, as it does everywhere on a phone.
        page.get_by_role("button", name="Assets").tap()
        page.get_by_role("option", name="theme").tap()
        expect(page.get_by_role("heading", level=2)).to_be_visible()
        page.go_back()
        expect(page.get_by_role("searchbox")).to_be_visible()


def test_what_cannot_be_played_is_told_and_does_not_count_as_playing(
    soundtrack: Path, tmp_path: Path, page: Page
) -> None:
    assert run(("-C", str(soundtrack), "review", "--export", str(tmp_path / "out"), "--all")) == 0
    for file in (tmp_path / "out" / "audio").iterdir():
        file.write_bytes(b"this is no audio")
    page.goto(f"{(tmp_path / 'out' / 'index.html').as_uri()}#boss")
    page.keyboard.press(" ")
    expect(page.locator("#said")).to_contain_text("boss take 1 cannot be played")
    assert audible(page) == 0
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.get_by_role("button", name="Unpicked").click()
    expect(page.locator("#none")).to_contain_text("There is nothing to choose")


def test_nothing_serious_keeps_anybody_from_using_it_in_light_and_dark_and_on_a_phone(
    served: Server, browser: Browser
) -> None:
    axe = Axe()
    looks: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 390))
    for scheme, width in looks:
        with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}) as context:
            page = context.new_page()
            page.goto(served.url)
            page.get_by_role("button", name="All").click()
            found = axe.run(page).response["violations"]
            for name in ("boss", "theme"):
                page.locator(".row", has_text=name).first.click()
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                found += axe.run(page).response["violations"]
                page.keyboard.press("Escape")
            page.keyboard.press("?")
            found += axe.run(page).response["violations"]
            page.keyboard.press("Escape")
            page.locator(".row", has_text="boss").first.click()
            page.keyboard.press("2")
            expect(page.locator("#show-decisions")).to_be_visible()
            page.keyboard.press("d")
            expect(page.get_by_role("dialog")).to_be_visible()
            found += axe.run(page).response["violations"]
            page.keyboard.press("Escape")
            page.keyboard.press("x")
            page.keyboard.press("/")
            page.keyboard.type("nothing is called so")
            expect(page.locator("#none")).to_be_visible()
            found += axe.run(page).response["violations"]
            bad = [
                (each["id"], node["html"], node["failureSummary"])
                for each in found
                if each["impact"] in {"serious", "critical", "moderate"}
                for node in each["nodes"]
            ]
            assert not bad
