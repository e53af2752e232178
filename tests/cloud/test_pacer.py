from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from mpsjobs.cloud.pacer import Pacer


def most_in_a_second(times: list[float]) -> int:
    return max(sum(start <= time <= start + 1 for time in times) for start in times)


def run(pacer: Pacer, delays: list[float]) -> list[float]:
    """Send as soon as allowed, each time later by a delay; the times."""
    times = [100.0]
    pacer.sent(100.0)
    for delay in delays:
        at = max(pacer.ready_at(), times[-1]) + delay
        pacer.sent(at)
        times.append(at)
    return times


@given(
    st.sampled_from([0.5, 1, 2.5, 7, 20, 33.3]), st.lists(st.floats(0, 0.3) | st.floats(0, 3), max_size=120)
)
def test_no_second_ever_sees_too_many(rate: float, delays: list[float]) -> None:
    times = run(Pacer(rate), delays)
    assert most_in_a_second(times) <= max(1, rate)


@given(st.sampled_from([1, 7, 20]), st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.6)), max_size=120))
def test_what_leaves_late_counts_from_when_it_left(rate: float, delays: list[tuple[float, float]]) -> None:
    pacer, given_at, left_at = Pacer(rate), 100.0, list[float]()
    untold: list[tuple[float, float]] = []
    for delay, late in [(0.0, 0.0), *delays]:
        given_at = max(pacer.ready_at(), given_at) + delay
        for told in [each for each in untold if each[1] <= given_at]:
            pacer.left(*told)
            untold.remove(told)
            given_at = max(given_at, pacer.ready_at())
        pacer.sent(given_at)
        untold.append((given_at, given_at + late))
        left_at.append(given_at + late)
    assert most_in_a_second(left_at) <= rate


@given(st.lists(st.floats(0, 0.2), max_size=100))
def test_requests_never_bunch(delays: list[float]) -> None:
    times = run(Pacer(20), delays)
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps, default=1) >= 0.75 / 20 - 1e-9


@pytest.mark.parametrize(("rate", "jitter"), [(20, 0.0), (20, 0.001), (5, 0.0), (1, 0.0), (100, 0.0)])
def test_the_rate_is_used_up(rate: float, jitter: float) -> None:
    count = 400
    times = run(Pacer(rate), [jitter] * (count - 1))
    ideal = (count - 1) / rate
    assert ideal * 0.999 <= times[-1] - times[0] <= ideal * 1.0201


def test_a_long_rest_is_not_made_up_for() -> None:
    pacer = Pacer(20)
    run(pacer, [0.0] * 5)
    pacer.sent(500.0)
    assert pacer.ready_at() >= 500.0 + 0.75 / 20


def test_the_first_may_leave_at_once() -> None:
    assert Pacer(20).ready_at() == float("-inf")


@given(
    st.sampled_from([0.5, 1, 7, 20, 33.3]),
    st.lists(st.tuples(st.floats(0, 0.3), st.sampled_from(["accepted", "throttled"])), max_size=200),
)
def test_whatever_the_server_says_the_limit_is_kept_and_something_is_always_tried(
    rate: float, answers: list[tuple[float, str]]
) -> None:
    pacer, times = Pacer(rate), [100.0]
    pacer.sent(100.0)
    for delay, answer in answers:
        getattr(pacer, answer)()
        assert rate / 20 * 0.999 <= pacer.per_second <= rate
        at = max(pacer.ready_at(), times[-1]) + delay
        pacer.sent(at)
        times.append(at)
    assert most_in_a_second(times) <= max(1, rate)


def test_a_throttled_pacer_goes_slower_and_comes_back_to_the_full_rate() -> None:
    pacer = Pacer(20)
    pacer.throttled()
    first = pacer.per_second
    pacer.throttled()
    assert 20 > first > pacer.per_second
    for _ in range(300):
        pacer.accepted()
    assert pacer.per_second == 20


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Pacer(0)
