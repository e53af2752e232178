"""Where a test kills: the points where most is at stake with every test run, the others with the long ones."""

from collections.abc import Iterable
from typing import Any

import pytest


def points(every_time: Iterable[str], at_length: Iterable[str] = ()) -> list[Any]:
    """Parameters for `pytest.mark.parametrize`; those of `at_length` run with `make test-slow`."""
    return [*every_time, *(pytest.param(point, marks=pytest.mark.slow) for point in at_length)]
