import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from grpo_space.presets import read_preset
from grpo_space.runs.locks import locked
from grpo_space.worker.__main__ import busy
from grpo_space.worker.preflight import cut_finding, equal_finding, reward_finding, right_finding, teaching_finding
from tests.support.processes import SMALL, Cli

TINY = read_preset("tiny").run


def groups(*paid: str) -> Sequence[Sequence[float]]:
    """`1001 1111`: two groups of four."""
    return [[float(digit) for digit in group] for group in paid]


def test_a_reward_that_never_fires_stops() -> None:
    found = reward_finding("steps", groups("0000", "0000"))
    assert found.stops
    assert "0 % of 8 completions" in found.words
    assert "never fires" in found.advice


def test_a_reward_without_an_opinion_is_not_blamed_on_the_model() -> None:
    found = reward_finding("mine", [[math.nan] * 4] * 2)
    assert (found.stops, found.words) == (True, "mine pays nobody")
    assert (
        found.advice == "mine has no opinion on any completion: it teaches nothing here. Leave it out, or have it pay"
    )


def test_a_reward_that_pays_everybody_the_same_is_noted() -> None:
    found = reward_finding("format", groups("1111", "0000"))
    assert not found.stops
    assert "moves nothing" in found.advice


@pytest.mark.parametrize("penalty", ["length", "repetition"])
def test_a_penalty_that_was_never_due_is_no_fault(penalty: str) -> None:
    found = reward_finding(penalty, groups("0000", "0000"))
    assert (found.stops, found.advice) == (False, "")


def test_a_living_reward_needs_no_advice() -> None:
    found = reward_finding("format", groups("1101", "0000"))
    assert found.advice == ""
    assert "38 % of 8 completions and differs within 50 % of 2 groups" in found.words


@pytest.mark.parametrize(("varied", "stops"), [(0, True), (1, True), (2, False), (9, False)])
def test_more_than_nine_tenths_of_equal_groups_stop(varied: int, stops: bool) -> None:
    found = equal_finding(groups(*["1001"] * varied, *["1111"] * (19 - varied)))
    assert found.stops == stops


def test_too_easy_and_too_hard_are_distinguished() -> None:
    easy = teaching_finding([[True] * 4] * 9 + [[True, False]] * 4, TINY)
    assert "31 % of 13 groups teach" in easy.words
    assert "too easy: little is left to learn. Take a harder level or set, or prompts=teaching" in easy.advice
    hard = teaching_finding([[False] * 4] * 9 + [[True] * 4] * 3, TINY.model_copy(update={"prompts": "teaching"}))
    assert "too hard: what is never done right cannot be encouraged. Take an easier level or set; " in hard.advice
    assert "prompts=teaching, which meets again what teaches, will help" in hard.advice
    assert (easy.stops, hard.stops) == (False, False)
    assert teaching_finding([[True, False]] * 4 + [[True]] * 8, TINY).advice == ""
    assert right_finding([[True, False]] * 2 + [[True, True]] * 2).value == 0.75


def test_cut_off_completions() -> None:
    config = read_preset("tiny").run
    assert "max_completion_length" in cut_finding([True, True, False], config).advice
    assert cut_finding([True] + [False] * 9, config).advice == ""


def test_the_tiny_preset_is_trainable(cli: Cli) -> None:
    done = cli("preflight", "tiny", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["trainable"]
    assert found["prompts"] >= 16
    assert 0 < found["seconds_per_step"] < found["run_seconds"]
    assert found["memory"]["neither"] == 200, "it completes no test question, nor any with other numbers"
    assert {"reward correctness", "reward format", "equal groups", "groups that teach", "cut off", "peak memory"} <= {
        finding["name"] for finding in found["findings"]
    }
    assert cli("runs", "--json").stdout.strip() == "[]"  # a preflight is no run


def test_a_dead_reward_is_not_trainable(cli: Cli, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text("def nothing(completions, **columns):\n    return [0.0] * len(completions)\n")
    done = cli("preflight", "tiny", *SMALL, "--set", f"rewards.{own}:nothing=0.1")
    assert done.returncode == 1
    assert "nothing never fires" in done.stdout
    assert "Not trainable as it is." in done.stdout


def test_one_whose_command_was_killed_is_no_run_to_watch_or_to_stop(runs_root: Path) -> None:
    with locked(runs_root / "gpu.lock", what="looking at", run="tiny", task="preflight") as mine:
        assert mine
        assert busy() == (
            f"the machine is looking at tiny: one at a time; wait until it is done, or end process {os.getpid()}"
        )
