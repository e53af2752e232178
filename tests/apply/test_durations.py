"""What is learned of how long tasks take."""

import random

from mpsjobs.apply.durations import Durations


def test_nothing_is_said_of_a_kind_while_too_few_are_known() -> None:
    durations = Durations()
    for task in range(10):
        durations.began("GL 3.0", task, 0.0)
        durations.ended("GL 3.0", task, 60.0, well=True)
    assert durations.after("GL 3.0", 0.5) is None
    assert durations.after("other", 0.5) is None


def test_quick_tasks_among_the_youngest_do_not_make_all_look_quick() -> None:
    chance = random.Random(1)
    took = [chance.choice([20.0, 120.0]) for _ in range(400)]
    durations = Durations()
    for task in range(400):
        durations.began("GL 3.0", task, float(task))
    ends = sorted((task + seconds, task) for task, seconds in enumerate(took))
    for at, task in ends:
        durations.ended("GL 3.0", task, at, well=True)
        half = durations.after("GL 3.0", 0.7)
        assert half is None or half == 120.0


def test_a_task_that_runs_for_very_long_does_not_hold_up_what_is_learned_of_the_rest() -> None:
    durations = Durations()
    durations.began("GL 3.0", 0, 0.0)
    for task in range(1, 40):
        durations.began("GL 3.0", task, 300.0 + task)
        durations.ended("GL 3.0", task, 360.0 + task, well=True)
    assert durations.after("GL 3.0", 0.5) == 60.0


def test_failed_tasks_teach_nothing_and_only_the_latest_are_kept() -> None:
    durations = Durations()
    for task in range(2000):
        durations.began("GL 3.0", task, 0.0)
        durations.ended("GL 3.0", task, 10.0 if task < 1000 else 50.0, well=task % 2 == 0)
    assert durations.after("GL 3.0", 0.0) == 10.0
    for task in range(2000, 3000):
        durations.began("GL 3.0", task, 0.0)
        durations.ended("GL 3.0", task, 50.0, well=True)
    assert durations.after("GL 3.0", 0.0) == 50.0
