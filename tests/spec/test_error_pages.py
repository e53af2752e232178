"""The page of each code: its example makes this very mistake, and the mended one makes none."""

import re
from pathlib import Path

import pytest

from mpsjobs.cli.explain import FAMILIES, index, title
from mpsjobs.model.codes import Code
from mpsjobs.model.diagnostics import Diagnostic, SpecError
from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.settings import load_settings

PAGES = Path(__file__).parent.parent.parent / "docs" / "errors"
TESTDATA = Path(__file__).parent.parent / "testdata"
SETTINGS = 'project: example\ndefaults: {model: MiniMaxMusic, version: "2.6"}\n'
SPEC = "assets: {theme: {prompt: calm piano, model: MiniMaxMusic}}\n"

OF_SPECS = [code for code in Code if code < "E08"]
WITHOUT_EXAMPLE = {
    Code.FILE_ENCODING: "a page is UTF-8 itself",
    Code.FILE_TOO_LARGE: "a page cannot be so large",
    Code.BROKEN_LINK: "a link is no text",
    Code.CANNOT_FORMAT: "it is a bug if it happens",
    Code.NO_PROJECT: "it is about a folder without files",
    Code.NOTHING_TO_REUSE: "it needs states",
    Code.BAD_VARIABLE_FILE: "the file stands on the command line",
    Code.GROWS_TOO_MUCH: "it takes a million characters",
}
WITHOUT_GOLDEN_CASE = {
    Code.TOO_MUCH_YAML: "test_yaml.py and test_error_pages.py have it: a golden case would be unreadable",
    Code.FILE_ENCODING: "test_source.py has it: git and editors would mend the file",
    Code.FILE_TOO_LARGE: "test_source.py has it, with files that are made there",
    Code.BROKEN_LINK: "test_project_files.py has it: links do not survive every checkout",
    Code.CANNOT_FORMAT: "it is a bug if it happens",
    Code.NO_PROJECT: "a golden case is a project",
    Code.NOTHING_TO_REUSE: "it needs states, as in tests/cli/test_environments.py",
    Code.BAD_VARIABLE_FILE: "test_variables.py has it: golden cases have no command line",
    Code.GROWS_TOO_MUCH: "test_expansion.py has it, with texts that are made there",
}


def page(code: Code) -> str:
    return (PAGES / f"{code}.md").read_text(encoding="utf-8")


def example(code: Code, which: str) -> dict[str, str]:
    """Path → text of the files that stand below `## Wrong` or `## Right`."""
    section = re.search(rf"^## {which}\n(.*?)(?=^## |\Z)", page(code), re.MULTILINE | re.DOTALL)
    found = (
        re.findall(r"^`(\S+)`:\n\n```\w+\n(.*?)```$", section[1], re.MULTILINE | re.DOTALL) if section else []
    )
    return dict(found)


def load(root: Path, files: dict[str, str]) -> tuple[Diagnostic, ...]:
    defaults = {"mpsjobs.yaml": SETTINGS}
    if not any(name.startswith("specs/") and name.endswith(".yaml") for name in files):
        defaults["specs/music.yaml"] = SPEC
    for name, text in (defaults | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    try:
        settings, notices = load_settings(root)
        loaded = load_assets(root, settings, load_catalogue(settings.models))
    except SpecError as error:
        return error.diagnostics
    return (*notices, *loaded.diagnostics)


@pytest.mark.parametrize("code", [code for code in OF_SPECS if code not in WITHOUT_EXAMPLE])
def test_the_example_of_a_page_makes_its_mistake_and_the_mended_one_none(code: Code, tmp_path: Path) -> None:
    wrong, right = example(code, "Wrong"), example(code, "Right")
    assert wrong
    assert right
    assert {each.code for each in load(tmp_path / "wrong", wrong)} == {code}
    assert load(tmp_path / "right", right) == ()


def test_pages_without_an_example_are_those_that_can_have_none() -> None:
    assert [code for code in OF_SPECS if not example(code, "Wrong")] == list(WITHOUT_EXAMPLE)


def test_every_code_has_a_page_of_the_same_form_and_no_page_is_left_over() -> None:
    assert sorted(path.stem for path in PAGES.glob("E*.md")) == [str(code) for code in Code]
    for code in Code:
        text = page(code)
        assert text.startswith(f"# {code}: {title(code)}\n\n")
        assert re.search(r"^## (Why it matters|What to do)\n\n\S", text, re.MULTILINE), code
    assert len({title(code) for code in Code}) == len(Code)
    assert {code[:3] for code in Code} == FAMILIES.keys()


def test_the_index_of_the_pages_is_current() -> None:
    """Write it with: python -m mpsjobs.cli.explain > docs/errors/README.md."""
    assert (PAGES / "README.md").read_text(encoding="utf-8") == index()


def test_every_code_of_specs_occurs_in_a_golden_case() -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in sorted(TESTDATA.glob("*/expected.txt")))
    seen = set(re.findall(r"(?:error|warning|notice)\[(E\d{4})\]: ", told))
    missing = [code for code in OF_SPECS if code not in seen]
    assert missing == list(WITHOUT_GOLDEN_CASE)
