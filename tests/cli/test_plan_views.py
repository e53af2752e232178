"""A plan as text and as Markdown: made from plan values alone, so that thousands of changes cost nothing to bring about."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import click
import pytest
from hypothesis import given, strategies as st
from rich.cells import cell_len

from mpsjobs.cli.listening_page import ListeningPage
from mpsjobs.cli.plan_folding import fold
from mpsjobs.cli.plan_markdown import failure_markdown, plan_markdown
from mpsjobs.cli.plan_text import FEW, MOST_LINES, Look, plan_lines
from mpsjobs.cli.text_pieces import clipped, painted, wrapped
from mpsjobs.model.change import Change, Kind, Plan, Reason, Risk
from mpsjobs.model.diagnostics import Diagnostic, Severity
from mpsjobs.plan.word_diff import Piece, Side, folded, word_diff
from tests.conftest import Folder

GITHUB_TAKES = 65_536
LONG = (
    "Warm orchestral main theme with strings and brass that rise slowly towards the end and fade away again"
)


def plan_of(*changes: Change, **more: Any) -> Plan:
    return Plan("emulator", "lineage", 7, tuple(sorted(changes, key=lambda each: each.address)), (), **more)


def change(
    address: str, kind: Kind = Kind.GENERATE, *reasons: Reason, generations: int = 0, **more: Any
) -> Change:
    paid = kind in {Kind.GENERATE, Kind.REGENERATE}
    fields = {"model": "GL", "prompt": LONG}
    return Change(
        address, kind, "f1:0", reasons, generations or int(paid), fields=more.pop("fields", fields), **more
    )


def rewritten(address: str, before: str = LONG, after: str = LONG.replace("slowly", "quickly")) -> Change:
    return change(address, Kind.REGENERATE, Reason("prompt", before, after))


def text(plan: Plan, *, width: int = 80, verbose: bool = False) -> str:
    return click.unstyle("\n".join(plan_lines(plan, Look(width, verbose=verbose))))


def many(number: int) -> list[Change]:
    """Changes of every kind, in groups of very different sizes, some addresses with nothing in common."""
    kinds = [kind for kind in Kind if kind is not Kind.KEEP]
    return [
        change(
            f"level{i % 40}.{'enemy' if i % 3 else 'voice_line'}_{i:05d}"
            if i % 5
            else f"x{i * 7919 % 99991}z",
            kinds[i % len(kinds)],
            Reason("prompt", LONG + str(i), LONG.replace("slowly", "quickly") + str(i)),
            message=f"said {i} `that` <b>@somebody</b>",
            moved_from=f"before{i}" if kinds[i % len(kinds)] is Kind.MOVE else None,
        )
        for i in range(number)
    ]


# --- text ----------------------------------------------------------------------------------------------------------------------------


def test_few_changes_are_shown_in_full_and_the_prompt_by_word() -> None:
    shown = text(plan_of(rewritten("menu"), change("keep", Kind.KEEP)))
    assert "  # menu must be regenerated\n  -/+ menu\n" in shown
    assert "[-slowly-]{+quickly+}" in shown
    assert "(1 unchanged field hidden)" in shown
    assert "(1 unchanged asset hidden)" in shown
    assert shown.splitlines()[-1] == "Plan: 1 to regenerate. 1 generation to pay."


def test_the_same_words_for_another_thing_are_shown_once() -> None:
    same = "music/theme.mp3 (take 1)"
    plan = plan_of(replace(rewritten("theme"), reasons=(Reason("publish", same, same),)))
    assert f'~ publish = "{same}"' in text(plan)


def test_with_colours_words_are_red_and_green_instead_of_marked() -> None:
    lines = "\n".join(plan_lines(plan_of(rewritten("menu")), Look(200, colour=True)))
    assert click.style("quickly", fg="green") in lines
    assert "[-" not in click.unstyle(lines)


def test_many_changes_are_one_line_each_grouped_by_kind() -> None:
    plan = plan_of(
        *(rewritten(f"a{i}") for i in range(FEW)),
        change("z", Kind.RESTORE),
        change("y", Kind.MOVE, moved_from="x"),
    )
    shown = text(plan).splitlines()
    assert f"  # {FEW} assets must be regenerated ({FEW} generations)" in shown
    assert "  # 1 asset will be restored from a take that is there, free" in shown
    assert "  ~ y  from x" in shown
    assert sum(line.startswith("  -/+ a") for line in shown) == FEW
    assert all("[-slowly-]" in line for line in shown if line.startswith("  -/+ a"))
    assert "  # a0 must be regenerated" in text(plan, verbose=True)


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_of_many_changes_is_wider_than_the_terminal(width: int) -> None:
    changes = [
        *(change(f"a{i}", fields={"model": "GL", "prompt": "战斗音乐" * 60}) for i in range(9)),
        rewritten("温暖" * 9, "温暖的主题 " * 30, "温暖的音乐 " * 30),
    ]
    shown = text(plan_of(*changes), width=width).splitlines()
    assert max(map(cell_len, shown)) <= width
    assert max(map(cell_len, shown)) > width - 4


def test_thousands_of_changes_are_folded_into_globs_unless_asked_for() -> None:
    plan = plan_of(*(change(f"level{i % 7}.voice{i:04d}") for i in range(5000)))
    shown = text(plan).splitlines()
    assert len(shown) < MOST_LINES + 12
    assert "5,000 assets will be generated (5,000 generations)" in shown[2]
    assert "to generate. 5,000 generations to pay." in shown[-1]
    assert any("--verbose" in line for line in shown)
    assert sum(line.startswith("  + ") for line in text(plan, verbose=True).splitlines()) == 5000


def test_what_the_cloud_and_users_wrote_cannot_drive_the_terminal() -> None:
    hostile = "\x1b[2J\x07 \u202e gnirts and more words \u2028"
    plan = plan_of(
        rewritten("a", hostile, f"{hostile} again"),
        change("b", Kind.FAILED, message=hostile),
        change("c", fields={"prompt": hostile}),
        risks=(Risk("b", hostile),),
    )
    for verbose in (False, True):
        for changes in (plan.changes, plan.changes * 4):
            shown = text(plan_of(*changes, risks=plan.risks), verbose=verbose)
            assert {unicodedata.category(char) for char in shown.replace("\n", "")}.isdisjoint(
                {"Cc", "Cf", "Zl"}
            )
            assert "\\u202e" in shown


def test_what_is_made_from_another_asset_names_it() -> None:
    menu = Change("menu", Kind.KEEP, "f1:menu")
    chase = change(
        "chase", fields={"prompt": "x", "reference_audio": [{"asset": "f1:menu"}, {"asset": "f1:gone"}]}
    )
    for shown in (text(plan_of(menu, chase)), plan_markdown(plan_of(menu, chase), "game")):
        assert '[{"asset":"menu"},{"asset":"f1:gone"}]' in shown


def test_sensitive_prompts_are_shown_in_no_form() -> None:
    hidden = {"prompt": {"sensitive": "0123456789abcdef"}}
    changes = [change(f"a{i}", fields=hidden) for i in range(9)]
    for shown in (
        text(plan_of(*changes)),
        text(plan_of(*changes), verbose=True),
        plan_markdown(plan_of(*changes), "game"),
    ):
        assert "0123456789abcdef" not in shown
        assert "(sensitive)" in shown


def test_risks_come_last_before_the_summary() -> None:
    shown = text(
        plan_of(change("a", Kind.FAILED), risks=tuple(Risk(f"a{i}", "look at this") for i in range(50)))
    ).splitlines()
    assert shown.index("Risks:") > shown.index("  ! a")
    assert shown[-3] == "  and 30 more risks: mpsjobs plan --verbose"


def test_no_changes_is_said_in_these_words() -> None:
    assert (
        text(plan_of(change("a", Kind.KEEP), change("b", Kind.KEEP)))
        == "No changes. All 2 assets are as the specs want them."
    )
    assert text(plan_of()) == "No changes. There are no assets."
    assert text(plan_of(change("a", Kind.KEEP))) == "No changes. The one asset is as the specs want it."


# --- words ---------------------------------------------------------------------------------------------------------------------------


def side(pieces: Iterable[Piece], gone: Side) -> str:
    return "".join(piece.text for piece in pieces if piece.side is not gone)


@given(st.text(alphabet="ab 你好,.\n", max_size=60), st.text(alphabet="ab 你好,.\n", max_size=60))
def test_a_comparison_holds_both_texts(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert side(pieces, Side.NEW) == before
    assert side(pieces, Side.OLD) == after


@given(st.text(max_size=80), st.text(max_size=80), st.integers(1, 90))
def test_clipping_and_wrapping_keep_within_the_room(before: str, after: str, room: int) -> None:
    pieces = word_diff(before, after)
    assert cell_len(painted(clipped(pieces, room), colour=False)) <= room
    for line in wrapped(pieces, room):
        shown = painted(line, colour=False)
        assert cell_len(shown) <= room or len(line) == 1


def test_chinese_is_compared_by_the_sign() -> None:
    pieces = word_diff("温暖的管弦乐主题,缓慢", "温暖的钢琴主题,缓慢")
    assert [piece.text for piece in pieces if piece.side is not Side.BOTH] == ["管弦乐", "钢琴"]


def test_texts_with_nothing_in_common_are_no_mosaic() -> None:
    pieces = word_diff("one two three, four", "five six seven, eight nine")
    assert [piece.side for piece in pieces] == [Side.OLD, Side.NEW]


def test_what_stayed_is_folded_around_the_changes() -> None:
    words = " ".join(f"w{i}" for i in range(100))
    pieces = folded(word_diff(words, words.replace("w50", "other")), 2)
    assert painted(pieces, colour=False) == "… w48 w49 [-w50-]{+other+} w51 w52 …"


# --- folding -------------------------------------------------------------------------------------------------------------------------


@given(st.sets(st.text(alphabet="ab._-1", min_size=1, max_size=6), max_size=60), st.integers(1, 30))
def test_folding_holds_every_change_once_and_no_more_rows_than_asked(addresses: set[str], most: int) -> None:
    changes = [change(address) for address in sorted(addresses)]
    rows = list(fold(changes, most))
    assert len(rows) <= most
    assert sorted(each.address for row in rows for each in row.changes) == sorted(addresses)


def test_rows_are_globs_that_select_what_they_stand_for() -> None:
    changes = [change(f"level{i % 3}.enemy_{i:03d}") for i in range(300)]
    rows = list(fold(sorted(changes, key=lambda each: each.address), 3))
    assert [row.text for row in rows] == ["level0.*", "level1.*", "level2.*"]
    assert [len(row.changes) for row in rows] == [100, 100, 100]


# --- Markdown ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 30, 400, 5000])
def test_markdown_always_fits_into_a_comment_and_tells_which_assets_and_how_much(number: int) -> None:
    changes = many(number)
    shown = plan_markdown(
        plan_of(*changes, risks=tuple(Risk(each.address, "x" * 5000) for each in changes)), "game"
    )
    assert len(shown.encode("utf-16-le")) // 2 < GITHUB_TAKES
    for kind in {each.kind for each in changes}:
        members = [each for each in changes if each.kind is kind]
        block = shown.split(f"| {kind} |", 1)[1].splitlines()[0]
        assert block.split("|")[0].strip() == f"{len(members):,}"
    assert f"{sum(each.generations for each in changes):,} generation" in shown
    for each in changes:
        assert each.address in shown or is_covered(each.address, shown), each.address


def is_covered(address: str, shown: str) -> bool:
    globs = re.findall(r"`([\w.-]+)\*`", shown)
    ranges = re.findall(r"`([\w.-]+)\*?` … `([\w.-]+)\*?`", shown)
    return any(address.startswith(glob) for glob in globs) or any(
        first <= address and (address <= last or address.startswith(last)) for first, last in ranges
    )


def test_counts_of_folded_rows_add_up() -> None:
    shown = plan_markdown(
        plan_of(*(change(f"flat{i * 7919:08d}", generations=2) for i in range(5000))), "game"
    )
    block = shown.split("<details", 1)[1]
    counts = [int(n.replace(",", "")) for n in re.findall(r"^- .*: ([\d,]+) assets", block, re.MULTILINE)]
    assert sum(counts) + len(re.findall(r"^- `[^`]*`, ", block, re.MULTILINE)) == 5000
    assert (
        sum(int(n.replace(",", "")) for n in re.findall(r"^- .*, ([\d,]+) generations", block, re.MULTILINE))
        == 10_000
    )


def test_markdown_is_the_same_for_the_same_plan() -> None:
    plan = plan_of(*many(40))
    other = Plan(plan.realm, "another lineage", 99, plan.changes, ())
    assert plan_markdown(plan, "game") == plan_markdown(other, "game")
    assert plan_markdown(plan, "game").startswith("<!-- mpsjobs plan: game -->\n")


PAGE = ListeningPage("https://example.com/pr-12/", pictures=True)


@pytest.mark.parametrize("number", [1, 300, 5000])
def test_with_a_listening_page_markdown_links_to_it_and_still_fits(number: int) -> None:
    shown = plan_markdown(plan_of(*(rewritten(f"level1.a{i}") for i in range(number))), "game", PAGE)
    assert len(shown.encode("utf-16-le")) // 2 < GITHUB_TAKES
    assert "[Listen to the takes](https://example.com/pr-12/)" in shown
    assert ("[`level1.a0`](https://example.com/pr-12/#level1.a0)" in shown) is (number < 5000)
    assert ("![waveforms](https://example.com/pr-12/waveforms/level1.a0.svg)" in shown) is (number == 1)


def test_only_a_whole_url_is_taken_for_a_listening_page_and_nothing_in_it_ends_a_link(
    project: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write(music="assets: {a: x}\n")
    for url in ("javascript:alert(1)", "example.com/x", "https://", "https://a/ b", "https://a/?x=1", "https://a/#b"):  # fmt: skip
        assert project("plan", "--format", "markdown", "--review-url", url).code == 1, url
    assert "(https://a/b%29/#a)" in project("plan", "--format", "markdown", "--review-url", "https://a/b)").out  # fmt: skip
    monkeypatch.setenv("MPSJOBS_REVIEW_URL", "https://a/index.html")
    assert "(https://a/index.html#a)" in project("plan", "--format", "markdown").out
    assert "https" not in project("plan").out
    monkeypatch.delenv("MPSJOBS_REVIEW_URL")
    assert project("plan", "--review-waveforms").code == 1


def test_details_are_folded_before_lines_and_lines_before_addresses() -> None:
    def detail(number: int) -> tuple[bool, bool]:
        shown = plan_markdown(plan_of(*(rewritten(f"a{i}.b") for i in range(number))), "game")
        return "```diff" in shown, "[-slowly-]" in shown

    assert detail(20) == (True, False)
    assert detail(300) == (False, True)
    assert detail(3000) == (False, False)


@pytest.mark.parametrize(
    "hostile", ["```\n</details>", "` @somebody", "<script>", "a|b", "#12 \u202e", "[x](http://y)", "-->"]
)
def test_what_others_wrote_is_never_markup(hostile: str) -> None:
    plan = plan_of(
        change("a", Kind.FAILED, message=hostile),
        rewritten("b", f"{LONG} {hostile}", f"{LONG} {hostile} more"),
        change("c", fields={"prompt": hostile}),
        *(change(f"many{i}", Kind.FAILED, message=hostile) for i in range(1000)),
        risks=(Risk("a", hostile),),
        diagnostics=(Diagnostic(hostile, detail=hostile, severity=Severity.WARNING),),
    )
    for shown in (plan_markdown(plan, hostile), failure_markdown(hostile, plan.diagnostics)):
        assert hostile not in outside_of_code(shown.split("\n", 1)[1])
        for word in ("@somebody", "<script>", "[x]", "\u202e"):
            assert word not in outside_of_code(shown)
        assert outside_of_code(shown).count("<details") == outside_of_code(shown).count("</details>")


def outside_of_code(markdown: str) -> str:
    """What a renderer would read as markup: everything but fences and spans, by the rules of CommonMark."""
    text = re.sub(r"^ *(`{3,})\w*\n(?:.*\n)*? *\1\n", "", markdown + "\n", flags=re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)", "", text)


def test_mistakes_are_a_comment_too() -> None:
    shown = failure_markdown("game", [Diagnostic("A prompt is too long.", hint="Shorten it.")])
    assert "1 mistake" in shown
    assert "A prompt is too long." in shown
    assert shown.startswith("<!-- mpsjobs plan: game -->\n")
