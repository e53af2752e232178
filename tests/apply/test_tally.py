"""How long the rest may take."""

from mpsjobs.apply.tally import Tally


def test_without_a_finished_task_there_is_nothing_to_go_by() -> None:
    assert Tally(0.0).tick(5.0, queued=3, running=2, per_second=20).left_s is None


def test_the_rest_is_the_queue_and_then_what_the_youngest_task_still_needs() -> None:
    tally = Tally(0.0)
    tally.began(10.0)
    tally.took(30.0)
    tally.took(50.0)
    assert tally.tick(20.0, queued=0, running=1, per_second=20).left_s == 30.0
    assert tally.tick(20.0, queued=40, running=1, per_second=20).left_s == 42.0
    assert tally.tick(900.0, queued=0, running=1, per_second=20).left_s == 1.0


def test_a_task_of_an_earlier_run_counts_from_its_own_beginning() -> None:
    tally = Tally(100.0)
    tally.began(100.0 - 80.0)
    tally.took(90.0)
    assert tally.tick(101.0, queued=0, running=1, per_second=20).left_s == 9.0
