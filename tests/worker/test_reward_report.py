"""What a preflight says of rewards of one's own: the words over arrays, and one real preflight of several at once."""

import json
import math
from pathlib import Path

import pytest

from grpo_space.runs.events import RewardReport
from grpo_space.worker.custom_reward import load
from grpo_space.worker.recorder import RewardError, call
from grpo_space.worker.reward_report import Seen, report, spread
from tests.support.processes import SMALL, Cli

SIZE, N = 4, 64
RIGHT = [i % 4 == 0 for i in range(N)]
CORRECTNESS = [2.0 * right for right in RIGHT]
SEEN = Seen(
    size=SIZE,
    questions=[f"question {i // SIZE}" for i in range(N)],
    texts=["x" * (7 * i % N + 1) for i in range(N)],
    tokens=[7 * i % N + 1 for i in range(N)],
    correct=RIGHT,
)
NAN = math.nan


def judged(paid: list[float], weight: float = 1.0) -> RewardReport:
    weights = {"correctness": 1.0, "mine": weight}
    return report("mine", True, weights, {"correctness": CORRECTNESS, "mine": paid}, SEEN, "")


@pytest.mark.parametrize(
    ("paid", "weight", "words"),
    [
        ([0.0] * N, 1.0, "is never paid: it is 0 for all 64 completions"),
        ([1.5] * N, 1.0, "pays everybody the same, 1.5: all 64 completions"),
        ([float(i > 1) for i in range(N)], 1.0, "nearly always pays 1: 97 % of 64 completions"),
        ([float(i < 2) for i in range(N)], 1.0, "is nearly never paid: 97 % of 64 completions"),
        ([float(i // SIZE % 2) for i in range(N)], 1.0, "pays everybody within a group the same"),
        ([float(not right) for right in RIGHT], 1.0, "contradicts correctness: with its weight a wrong answer earns 1"),
        ([float(right) for right in RIGHT], -1.0, "contradicts correctness: with its weight a wrong answer earns 0"),
        (
            [1.0 / n for n in SEEN.tokens],
            1.0,
            "varies almost only with length (rank correlation -1.00): it asks for sh",
        ),
        ([float(i % 2) for i in range(N)], 100.0, "dwarfs the others: with its weight it spreads a group by 57.7"),
        (
            [float(i % 2) for i in range(N)],
            0.01,
            "is dwarfed: with its weight it spreads a group by 0.00577, correctne",
        ),
        ([NAN if i % 2 else float(i % 4) for i in range(N)], 1.0, "has no opinion (None or NaN) on 50 % of 64"),
    ],
)
def test_why_a_reward_may_not_teach(paid: list[float], weight: float, words: str) -> None:
    assert any(words in doubt for doubt in judged(paid, weight).doubts), judged(paid, weight).doubts


def test_a_reward_that_teaches_has_nothing_against_it_and_its_figures_are_right() -> None:
    paid = [1.0 if i % 4 == 0 else (0.5 if i % 4 == 3 else 0.0) for i in range(N)]
    paid[5] = NAN
    found = judged(paid)
    assert found.doubts == ("has no opinion (None or NaN) on 2 % of 64 completions",)
    assert (found.n, found.groups, found.varied) == (64, 16, 16)
    assert (found.low, found.high, found.zeros, found.silent) == (0.0, 1.0, 31, 1)
    assert found.mean == pytest.approx(24 / 63)
    assert found.with_correctness > 0.8
    assert [example.paid for example in found.examples] == [1.0, 0.5, 0.0]
    assert found.examples[0].correct
    assert not judged([1.0 if i % 4 == 0 else (0.5 if i % 4 == 3 else 0.0) for i in range(N)]).doubts


def test_groups_of_which_nothing_is_known_spread_nothing() -> None:
    assert spread([NAN, NAN, 1.0, NAN], 2) == 0.0
    assert judged([NAN] * N).doubts == ("has no opinion (None or NaN) on 100 % of 64 completions",)
    assert judged([NAN] * N).examples == ()


OWN = """
def brief(completions, **columns):
    return [1.0 if len(c[0]["content"]) < 40 else 0.0 for c in completions]


def breaks(completions, **columns):
    lengths = [len(c[0]["content"]) for c in completions]
    return [1 / (length - length) for length in lengths]


def few(completions, **columns):
    return [0.0]


def words(completions, **columns):
    return ["good" for c in completions]
"""


def test_one_preflight_judges_every_reward_of_ones_own(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    own = [f"rewards.{tmp_path}/own.py:{name}=0.5" for name in ("brief", "breaks", "few", "words")]
    settings = ["grpo.per_device_train_batch_size=24", *own]
    done = cli("preflight", "tiny", *SMALL, *(word for one in settings for word in ("--set", one)), "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert not found["trainable"]
    reports = {one["label"]: one for one in found["rewards"]}
    assert list(reports) == ["correctness", "format", "brief", "breaks", "few", "words"]
    assert reports["brief"]["n"] >= 64
    assert [one["paid"] for one in reports["brief"]["examples"]][::2] == [1.0, 0.0]
    assert any("contradicts correctness" in doubt for doubt in reports["brief"]["doubts"])
    assert "ZeroDivisionError: division by zero (own.py line 8); the completion" in reports["breaks"]["doubts"][0]
    assert "gave 1 numbers for 24 completions" in reports["few"]["doubts"][0]
    assert "gave ['good', 'good'" in reports["words"]["doubts"][0]
    assert reports["words"]["mean"] is None
    stops = {finding["name"] for finding in found["findings"] if finding["stops"]}
    assert stops == {"reward breaks", "reward few", "reward words"}
    assert reports["correctness"]["with_correctness"] == 1.0


def test_an_error_names_the_line_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    completions = [[{"role": "assistant", "content": "a"}]]
    with pytest.raises(RewardError, match=r"ZeroDivisionError: division by zero \(own\.py line 8\)"):
        call("breaks", load(f"{tmp_path}/own.py:breaks"), completions=completions, question=["q"])
    (tmp_path / "broken.py").write_text("x = 1\ny = x / 0\n")
    with pytest.raises(Exception, match=r"broken\.py cannot be imported: .*\(broken\.py line 2\)"):
        load(f"{tmp_path}/broken.py:f")
