"""The examples of the guide: each page is a project, and comes to the assets that it lists.

Blocks name their files: ```` ```yaml specs/a.yaml ````. A block `text assets` lists the addresses.
"""

import re
from pathlib import Path

import pytest

from mpsjobs.spec.catalogue import load_catalogue
from mpsjobs.spec.load import load_assets
from mpsjobs.spec.settings import load_settings

BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDE = Path(__file__).parents[2] / "docs" / "guide"
PAGES = ["defaults", "environments", "matrix", "publishing", "renames", "variables"]


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_come_to_the_assets_that_the_page_lists(page: str, tmp_path: Path) -> None:
    blocks = dict(BLOCK.findall((GUIDE / f"{page}.md").read_text(encoding="utf-8")))
    addresses = blocks.pop("assets").split()
    for name, text in blocks.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings, _ = load_settings(tmp_path)
    loaded = load_assets(tmp_path, settings, load_catalogue())
    assert loaded.diagnostics == ()
    assert [asset.address for asset in loaded.assets] == addresses
