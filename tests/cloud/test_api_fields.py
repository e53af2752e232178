"""docs/api-fields.md against the vendor's models, the request builder, the rules for error codes, and the tests that it names."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from tencentcloud.mps.v20190612 import models

from mpsjobs.cloud.outcomes import Verdict, verdict
from mpsjobs.cloud.request import WireNames, create_body
from tests.cloud.test_request_body import FULL, TO

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api-fields.md").read_text(encoding="utf-8")
FIELDS = set(re.findall(r"`([A-Z]\w*(?:\[\])?(?:\.[A-Z]\w*)?)`", PAGE))


def names(value: Any, before: str = "") -> Iterator[str]:
    """The fields of a request as the page writes them."""
    for name, item in value.items():
        if isinstance(item, dict):
            yield from names(item, f"{before}{name}.")
        elif isinstance(item, list):
            yield from names(item[0], f"{before}{name}[].")
        else:
            yield f"{before}{name}"


@pytest.mark.parametrize("in_extra", [True, False])
def test_every_field_that_is_sent_stands_on_the_page(in_extra: bool) -> None:  # noqa: FBT001
    body = orjson.loads(create_body(FULL, TO, WireNames(format_in_extra=in_extra), operator="me"))
    sent = set(names(body))
    assert len(sent) == 13
    assert sent <= FIELDS


@pytest.mark.parametrize(
    ("model", "before"),
    [
        ("CreateAigcAudioTaskRequest", ""),
        ("AigcStoreCosParam", "StoreCosParam."),
        ("AigcAudioExtraParam", "ExtraParameters."),
        ("AigcAudioReferenceAudioInfo", "AudioInfos[]."),
        ("AigcAudioReferenceVideoInfo", "VideoInfos[]."),
        ("CreateAigcAudioTaskResponse", ""),
        ("DescribeAigcAudioTaskRequest", ""),
        ("DescribeAigcAudioTaskResponse", ""),
        ("AigcAudioOutputAudioInfo", "AudioInfos[]."),
        ("AigcAudioOutputVideoInfo", "VideoInfos[]."),
    ],
)
def test_every_field_that_the_vendor_knows_stands_on_the_page(model: str, before: str) -> None:
    whole = {field.partition(".")[0].removesuffix("[]") for field in FIELDS}
    known = [name.lstrip("_") for name in vars(getattr(models, model)()) if name.startswith("_")]
    assert known
    for name in known:
        assert f"{before}{name}" in FIELDS or (not before and name in whole), name


def test_the_tests_that_it_names_exist() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) > 10
    for file, function in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (
            file,
            function,
        )


def test_every_row_of_a_table_of_fields_names_a_test() -> None:
    tables = PAGE.partition("## Error codes")[0]
    rows = [row for row in tables.splitlines() if re.match(r"\| `[A-Z]", row)]
    assert len(rows) > 20
    assert all("`tests/" in row for row in rows)


def test_the_error_codes_have_the_verdicts_that_it_tells() -> None:
    rows = re.findall(r"^\| (.+?) \| ([A-Z]+) \|", PAGE, re.MULTILINE)
    assert {word for _, word in rows} == {each.name for each in Verdict}
    for codes, word in rows:
        for code in re.findall(r"`([^`]+)`", codes):
            example = (
                code.removesuffix(".*")
                .replace("*.", "FailedOperation.")
                .replace("*list", "InBlacklist")
                .replace("*", "Parameter" if code.endswith("*") else "InvalidParameter.")
            )
            assert verdict(example) is Verdict[word], code
