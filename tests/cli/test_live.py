"""The live view of an apply, on a real terminal, read from its screen."""

import re

import pytest

from tests.conftest import SETTINGS, Folder
from tests.terminal import Terminal

SLOW_CLOUD = SETTINGS.replace("speed: 1000", "speed: 5")
SPECS = "assets: {menu: x, boss: y, gate: z, bad: mpsblockedword}\n"


def bar(text: str, state: str) -> tuple[int, int]:
    """How many takes are in a state, and how long its bar is."""
    match = re.search(rf"^  {state} +([\d,]+)(?: (━+))?$", text, re.MULTILINE)
    return (int(match[1].replace(",", "")), len(match[2] or "")) if match else (-1, -1)


def test_a_live_apply_fits_any_width_and_ctrl_c_leaves_a_clean_screen(project: Folder) -> None:
    project.settings(SLOW_CLOUD)
    project.write(music=SPECS)
    with Terminal(project.root, "apply", "--auto-approve", rows=50) as terminal:
        at_80 = terminal.until(lambda text: bar(text, "in the cloud")[0] == 3 and "slowest" in text)
        assert terminal.hides_cursor()
        assert bar(at_80, "failed")[0] == 1
        assert "bad: failed: InvalidParameter.ViolationContent" in at_80, "as it comes, and for good"
        assert bar(at_80, "in the cloud")[1] == round((80 - 25) * 3 / 4)
        assert re.search(r"^  \d\.\d/s submitted · 3 in flight · 0:0\d elapsed", at_80, re.MULTILINE)
        assert "time left: no history yet" in at_80
        assert len(terminal.lines) - terminal.text[: terminal.text.index("to submit")].count("\n") == 8

        terminal.resize(200, 50)
        terminal.until(lambda text: bar(text, "in the cloud")[1] == round((100 - 25) * 3 / 4))
        assert terminal.text.count("to submit  ") == 1, "nothing is left of what was drawn before"

        terminal.resize(40, 50)
        at_40 = terminal.until(lambda text: bar(text, "in the cloud")[1] == round((40 - 25) * 3 / 4))
        assert at_40.count("to submit  ") == 1
        assert re.search(r"^  slowest (menu|boss|gate), \d+s$", at_40, re.MULTILINE)

        terminal.press(b"\x03")
        assert terminal.wait() == 130
        assert not terminal.hides_cursor()
        assert "Stopping:interrupted.Answersinflightareawaited" in terminal.flowing
        assert "Interrupted.3tasksarestillrunninginthecloud" in terminal.flowing
        assert "━" not in terminal.text
        assert "elapsed" not in terminal.text
    paid = project.bill()
    assert len(paid) == 3

    project.settings(SETTINGS)
    with Terminal(project.root, "apply", "--auto-approve", columns=200) as terminal:
        assert terminal.wait() == 3, "one was refused, and stays so"
        assert "menu: take 1 is done after" in terminal.text
        assert not terminal.hides_cursor()
    assert project.bill() == paid


@pytest.mark.parametrize(
    ("variable", "value", "looks"),
    [
        ("LANG", "C.UTF-8", {"live", "coloured"}),
        ("NO_COLOR", "1", {"live"}),
        ("TERM", "dumb", set()),
        ("CI", "true", {"coloured"}),
    ],
)
def test_a_terminal_that_cannot_or_should_not_be_drawn_on_gets_lines(
    project: Folder, variable: str, value: str, looks: set[str]
) -> None:
    project.write(music=SPECS)
    environ = {variable: value}
    with Terminal(project.root, "apply", "--auto-approve", environ=environ) as terminal:
        assert terminal.wait() == 3
        assert not terminal.hides_cursor()
        wrote = terminal.wrote.decode()
        found = {"live": "\x1b[?25l" in wrote, "coloured": re.search(r"\x1b\[[\d;]*3\d", wrote)}
        assert {look for look, there in found.items() if there} == looks
        assert "menu: take 1 is done after" in terminal.text
        assert "failed: bad: InvalidParameter.ViolationContent" in terminal.text
        assert "Apply incomplete. 3 takes generated, 1 failed." in terminal.text
        assert "━" not in terminal.text, "the region is gone when the apply ends"
