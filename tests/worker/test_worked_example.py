"""The base shown one worked example: measured for real, and shown wherever the comparison is."""

import json
from pathlib import Path

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.publishing import card
from grpo_space.results.comparison import of
from grpo_space.results.sentences import words
from grpo_space.runs import evaluations
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Answered, Finished, Method, Phase, Started
from grpo_space.runs.run import Run, create_run
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import messages
from tests.support.hand_made import engine_of, save_adapter
from tests.support.processes import SMALL, Cli

PROMPT = "Answer as <reasoning>...</reasoning><answer>...</answer>."
PROBLEMS = 12


def made(folder: Path, *settings: str) -> Run:
    """A run that ended, with an adapter."""
    config = override(read_preset("tiny").run, [f"evaluation.problems={PROBLEMS}", *settings])
    run = create_run(config, folder)
    save_adapter(engine_of(config), run.adapter, config, lambda w: w)
    for event in (Started(), Finished(why="done")):
        run.log.append(event)
    return run


def test_it_is_measured_and_shown(runs_root: Path, cli: Cli) -> None:
    run = made(runs_root / "made", f"data.system_prompt={PROMPT}")
    done = cli("evaluate", run.id, "--json")
    assert done.returncode == 0, done.stderr
    history = evaluations.stored(run)
    example, base = history.example, history.base
    assert example is not None
    assert base is not None
    assert [a.question for a in example.answers] == [a.question for a in base.answers]
    assert [a.text for a in example.answers] != [a.text for a in base.answers]

    kept = {log[0].which: log for log in (EventLog(path).read()[0] for path in run.answers.glob("*.jsonl"))
            if isinstance(log[0], Method)}  # fmt: skip
    assert {which: log[0].example for which, log in kept.items() if isinstance(log[0], Method)} == {
        "base": False, "tuned": False, "example": True,
    }  # fmt: skip
    answers = {e.problem: e.answer.text for e in kept["example"] if isinstance(e, Answered)}
    assert [answers[i] for i in range(PROBLEMS)] == [a.text for a in example.answers]
    shown = messages("How many?", PROMPT, [TASKS["number"].example])
    assert [each["role"] for each in shown] == ["system", "user", "assistant", "user"]

    right = sum(a.correct for a in example.answers)
    assert json.loads(done.stdout)["example"] == {
        "correct": right, "strict_correct": sum(a.strict for a in example.answers), "n": PROBLEMS,
    }  # fmt: skip
    sentence = f"Shown one worked example, the base has {100 * right / PROBLEMS:.1f} %"
    assert sentence in " ".join(words(of(history)))
    assert sentence in " ".join(cli("evaluate", run.id).stdout.split())
    assert sentence in " ".join(str(card.card(run, "owner/made")).split())

    run.log.append(example)  # as a training leaves it
    settings = ["grpo.max_steps=1", f"evaluation.problems={PROBLEMS}", f"data.system_prompt={PROMPT}"]
    flags = [flag for setting in settings for flag in ("--set", setting)]
    done = cli("train", "tiny", *SMALL, *flags, "--run-dir", str(runs_root / "another"))
    assert done.returncode == 0, done.stderr
    another = Run(runs_root / "another")
    phases = dict.fromkeys(event.what for event in another.log.events() if isinstance(event, Phase))
    assert list(phases)[2:] == ["evaluate_base", "train", "save", "evaluate_tuned", "evaluate_example"]
    known = another.history().example
    assert known is not None
    assert (known.answers, known.reused_from) == (example.answers, run.id)


def test_without_a_system_prompt_there_is_none(runs_root: Path, cli: Cli) -> None:
    run = made(runs_root / "made")
    assert json.loads(cli("evaluate", run.id, "--json").stdout)["example"] is None
