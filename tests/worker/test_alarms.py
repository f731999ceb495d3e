import math
from collections.abc import Iterable

from grpo_space.runs.events import ALL_RIGHT, NONE_RIGHT, TEACHING, Alarm, Probe, Started, Step
from grpo_space.runs.history import History
from grpo_space.worker.alarms import BAD_STEPS, CUT_STEPS, STILL_STEPS, TEACHING_STEPS, Watch


def step(number: int, **metrics: float) -> Step:
    return Step(step=number, seconds=1.0, metrics={"reward": 1.0, "loss": 0.0, "grad_norm": 0.1, **metrics})


def reward(name: str, mean: float, std: float) -> dict[str, float]:
    return {f"rewards/{name}/mean": mean, f"rewards/{name}/std": std}


def names(alarms: Iterable[Alarm]) -> list[str]:
    return [alarm.name for alarm in alarms]


def alarms_of(watch: Watch, steps: Iterable[Step]) -> list[Alarm]:
    return [alarm for each in steps for alarm in watch.step(each)]


def test_a_reward_that_never_fires_is_named_once() -> None:
    watch = Watch(History())
    dead = [step(n, **reward("steps", 0.0, 0.0), **reward("format", 0.2, 0.1)) for n in range(1, 60)]
    [alarm] = alarms_of(watch, dead)
    assert alarm.step == STILL_STEPS
    assert "steps" in alarm.message
    assert "teaches nothing" in alarm.message


def test_a_reward_that_is_always_paid_in_full_has_done_its_work() -> None:
    steps = [step(n, **reward("format", 0.5, 0.0)) for n in range(1, STILL_STEPS + 1)]
    [alarm] = alarms_of(Watch(History()), steps)
    assert "nothing left to teach" in alarm.message


def test_a_reward_that_varied_once_in_that_time_is_alive() -> None:
    steps = [step(n, **reward("format", 0.0, 0.0)) for n in range(1, 40) if n % 15]
    steps += [step(n, **reward("format", 0.1, 0.2)) for n in range(15, 40, 15)]
    assert not alarms_of(Watch(History()), sorted(steps, key=lambda each: each.step))


def test_many_cut_off_completions() -> None:
    assert not alarms_of(Watch(History()), [step(n, **{"completions/clipped_ratio": 0.5}) for n in range(1, 40)])
    cut = [step(n, **{"completions/clipped_ratio": 0.6}) for n in range(1, 40)]
    [alarm] = alarms_of(Watch(History()), cut)
    assert (alarm.name, alarm.step) == ("cut_off", CUT_STEPS)


def test_a_nan_loss() -> None:
    assert names(alarms_of(Watch(History()), [step(1), step(2, loss=math.nan), step(3, loss=math.nan)])) == ["nan"]


def test_single_skipped_steps_are_by_design_and_five_in_a_row_are_not() -> None:
    watch = Watch(History())
    alarms_of(watch, [step(n, grad_norm=math.inf if n % 3 == 0 else 0.1) for n in range(1, 30)])
    assert watch.bad <= 1
    alarms_of(watch, [step(n, grad_norm=math.nan) for n in range(30, 30 + BAD_STEPS)])
    assert watch.bad >= BAD_STEPS


def probed(watch: Watch, number: int, correct: int) -> list[str]:
    return names(watch.probe(Probe(step=number, correct=correct, strict_correct=0, n=32)))


def test_a_reward_that_rises_while_right_answers_fall() -> None:
    watch = Watch(History())
    alarms_of(watch, [step(n, reward=0.5) for n in range(1, 11)])
    assert probed(watch, 10, 20) == []
    alarms_of(watch, [step(n, reward=1.5) for n in range(11, 21)])
    assert probed(watch, 20, 16) == []  # what chance may do
    assert probed(watch, 20, 12) == ["hacked"]
    assert probed(watch, 20, 2) == []  # once


def test_one_slip_from_a_perfect_probe_is_no_hack() -> None:
    watch = Watch(History())
    alarms_of(watch, [step(n, reward=0.5) for n in range(1, 11)])
    probed(watch, 10, 32)
    alarms_of(watch, [step(n, reward=1.5) for n in range(11, 21)])
    assert probed(watch, 20, 31) == []


def test_a_reward_that_rose_by_less_than_is_said_did_not_rise() -> None:
    watch = Watch(History())
    alarms_of(watch, [step(n, reward=1.201) for n in range(1, 11)])
    probed(watch, 10, 25)
    alarms_of(watch, [step(n, reward=1.204) for n in range(11, 21)])
    assert probed(watch, 20, 10) == []


def test_right_answers_that_fall_with_the_reward_are_no_hack() -> None:
    watch = Watch(History())
    alarms_of(watch, [step(n, reward=1.5) for n in range(1, 11)])
    probed(watch, 10, 20)
    alarms_of(watch, [step(n, reward=0.5) for n in range(11, 21)])
    assert probed(watch, 20, 2) == []


def test_what_an_earlier_attempt_raised_is_not_raised_again() -> None:
    history = History.of([Started(), Alarm(step=1, name="nan", message="m"), Started(attempt=2, from_step=1)])
    assert not alarms_of(Watch(history), [step(1, loss=math.nan)])


def test_a_fall_is_seen_across_a_resume() -> None:
    history = History.of(
        [Started(), *(step(n, reward=0.5) for n in range(1, 11)), Probe(step=10, correct=20, strict_correct=0, n=32)]
    )
    watch = Watch(history)
    alarms_of(watch, [step(n, reward=1.5) for n in range(11, 21)])
    assert probed(watch, 20, 6) == ["hacked"]


def test_a_reward_that_never_has_an_opinion_teaches_nothing() -> None:
    steps = [step(n, **reward("own", math.nan, math.nan)) for n in range(1, STILL_STEPS + 1)]
    [alarm] = alarms_of(Watch(History()), steps)
    assert (alarm.name, "no opinion on any completion" in alarm.message) == ("still:own", True)


def test_steps_that_sample_nothing_do_not_count() -> None:
    """With num_iterations 2 every other step has no rewards of its own."""
    watch = Watch(History())
    odd = [step(n, **reward("steps", 0.0, 0.0)) for n in range(1, 2 * STILL_STEPS, 2)]
    even = [Step(step=n, seconds=1.0, metrics={"loss": 0.0}) for n in range(2, 2 * STILL_STEPS, 2)]
    [alarm] = alarms_of(watch, sorted([*odd, *even], key=lambda each: each.step))
    assert alarm.step == 2 * STILL_STEPS - 1


def groups(teaching: float, all_right: float) -> dict[str, float]:
    return {TEACHING: teaching, ALL_RIGHT: all_right, NONE_RIGHT: 1 - teaching - all_right}


def test_groups_of_which_hardly_any_teaches_say_on_which_side_the_problems_are() -> None:
    assert not alarms_of(Watch(History()), [step(n, **groups(0.25, 0.1)) for n in range(1, 40)])
    [hard] = alarms_of(Watch(History()), [step(n, **groups(0.1, 0.1)) for n in range(1, 40)])
    assert (hard.name, hard.step) == ("few_teach", TEACHING_STEPS)
    assert "only 10 % of the groups taught" in hard.message
    assert "in 10 % all were right, in 80 % none. Most problems are too hard" in hard.message
    [easy] = alarms_of(Watch(History()), [step(n, **groups(0.1, 0.7)) for n in range(1, 40)])
    assert "in 70 % all were right, in 20 % none. Little is left to learn" in easy.message
