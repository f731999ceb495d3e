"""A function of the user's own says what is right, in training and evaluation alike."""

import json
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.errors import UserError
from grpo_space.presets import read_preset
from grpo_space.runs import trust
from grpo_space.runs.run import create_run
from grpo_space.tasks import dataset, kinds
from grpo_space.worker import custom_verifier
from tests.support.processes import SMALL, Cli, assert_refused, the_run

OWN = """
def verify(completion, record):
    if completion == "?":
        raise ValueError("no question marks")
    return 2 if completion == "2" else record["level"] / 4 if "half" in completion else record["answer"] in completion

def narrow(completion):
    return True

def even(completion, record):
    return len(completion) % 2 == 0
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own.py").write_text(OWN)
    rows = [{"question": f"Name number {n}", "answer": f"[{n}]", "level": 2} for n in range(9)]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*settings: str) -> RunConfig:
    return override(read_preset("tiny").run, ["data.path=mine.jsonl", "data.verifier=own.py:verify", *settings])


def test_it_is_given_the_row_and_its_word_is_the_verdict(own: Path) -> None:
    custom_verifier.prepare(config())
    [row, *_] = rows = dataset.load(config("grpo.per_device_train_batch_size=8")).train
    assert {each.task for each in rows} == {"own"}
    in_format = f"<reasoning>\n.\n</reasoning>\n<answer>\n{row.gold}\n</answer>"
    verdicts = kinds.verify([row.gold, in_format, "half", "none"], [row] * 4)
    assert [(v.correct, v.strict, v.score) for v in verdicts] == [
        (True, False, 1.0), (True, True, 1.0), (False, False, 0.5), (False, False, 0.0)
    ]  # fmt: skip
    assert verdicts[2].reason == f"your verifier gave 0.5; {row.gold} was expected"


@pytest.mark.parametrize(
    ("function", "completion", "words"),
    [
        ("narrow", "", "cannot be called with a completion and its record"),
        ("missing", "", "has no function missing"),
        ("verify", "?", r"raised ValueError: no question marks \(own\.py line 4\); the completion: '\?'"),
        ("verify", "2", "gave '2': True, False, or a number from 0 to 1 is needed"),
    ],
)
def test_a_fault_of_it_is_one_line(own: Path, function: str, completion: str, words: str) -> None:
    with pytest.raises(UserError, match=rf"^data\.verifier: .*own\.py:{function}.* {words}") as caught:
        custom_verifier.load(f"{own}/own.py:{function}")(completion, {})
    assert len(caught.value.problems) == 1


def test_what_does_not_go_with_it_is_refused(own: Path) -> None:
    with pytest.raises(UserError, match=r"data\.verifier: says what is right, and so does data\.task choice: keep one"):
        config("data.task=choice")
    with pytest.raises(UserError, match=r"data\.verifier: 'own\.txt' should be a function in a file, file"):
        config("data.verifier=own.txt")


def test_a_real_run_is_trained_and_evaluated_by_it(own: Path, runs_root: Path, cli: Cli) -> None:
    done = cli("train", "tiny", *SMALL, "--set", "grpo.max_steps=1", "--set", f"data.verifier={own}/own.py:even")
    assert done.returncode == 0, done.stderr
    history = the_run().history()
    assert history.base
    assert history.tuned
    answers = [*history.base.answers, *history.tuned.answers]
    assert len(answers) == 32
    assert all(answer.correct == (len(answer.text) % 2 == 0) for answer in answers)


def test_one_from_elsewhere_runs_only_after_it_was_named(own: Path, runs_root: Path, cli: Cli) -> None:
    run = create_run(config())
    trust.distrust(run)
    refused = f"data.verifier: {own}/own.py:verify: {run.id} came from elsewhere, and this is code that would run here"
    assert_refused(cli("resume", run.id), refused)
    with pytest.raises(UserError, match="came from elsewhere"):
        trust.check(run, rewards=False)  # an evaluation calls no reward, but the verifier
    trust.confirm(run, [f"{own}/own.py:verify"])
    trust.check(run)
