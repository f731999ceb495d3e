"""A small real process that holds a run's lock and writes events, as a worker does, without a model.

    python tests/support/fake_worker.py DIR SCENARIO

Scenarios: `works` goes on until SIGTERM, then stops and saves; `fails` ends with a Failed event; `crashes` ends with
no last word; `finishes` tells a whole run.
"""

import signal
import sys
from pathlib import Path
from queue import Empty, SimpleQueue

from grpo_space.runs.events import (
    Answer,
    Evaluated,
    Event,
    Failed,
    Finished,
    Group,
    Loaded,
    Phase,
    Sample,
    Started,
    Step,
)
from grpo_space.runs.locks import locked
from grpo_space.runs.run import Run

QUESTION = "Tom has 3 boxes with <b>4</b> [red]pens[/red] each. How many pens does Tom have?"


def answer(text: str, correct: bool, strict: bool | None = None) -> Answer:
    value, reason = ("12" if correct else "7"), f"the answer block says {12 if correct else 7}"
    return Answer(
        question=QUESTION, gold="12", text=text, tokens=9, cut_off=False, value=value,
        correct=correct, strict=correct if strict is None else strict, reason=reason,
    )  # fmt: skip


def evaluated(which: str, right: list[bool]) -> Evaluated:
    answers = tuple(answer(f"<answer>{12 if correct else 7}</answer>", correct) for correct in right)
    return Evaluated(which=which, key="k", seconds=1.0, answers=answers)


def step(number: int) -> Step:
    metrics = {
        "reward": 1.0 + number / 10,
        "rewards/correctness/mean": 0.5,
        "completions/mean_length": 20.0,
        "loss": 0.0,
    }
    return Step(step=number, seconds=0.1, metrics=metrics)


def group(number: int) -> Group:
    sample = Sample(
        **answer("<script>alert(1)</script>", True).model_dump(), rewards={"correctness": 2.0}, advantage=0.7
    )
    return Group(step=number, question=QUESTION, gold="12", samples=(sample, sample))


def whole_run(steps: int) -> list[Event]:
    return [
        Started(),
        Phase(what="data"),
        Loaded(engine="fake", model_commit="m", data_commit="d", rows="Read 20 problems."),
        evaluated("base", [True, False, False, False]),
        Phase(what="train", total=steps),
        *(event for number in range(1, steps + 1) for event in (group(number), step(number))),
        evaluated("tuned", [True, True, True, False]),
        Finished(why="done"),
    ]


def with_adapter(run: Run) -> Run:
    """The run, done, with files in place of an adapter: nothing of them can be loaded."""
    for event in whole_run(3):
        run.log.append(event)
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights" * 1000)
    (run.adapter / "adapter_config.json").write_text("{}")
    return run


class Asked:
    """Whether a signal came; an Event's own lock may be held in the very moment of one, and then nothing goes on."""

    def __init__(self) -> None:
        self.signals: SimpleQueue[None] = SimpleQueue()

    def stop(self, *_: object) -> None:
        self.signals.put(None)

    def within(self, seconds: float) -> bool:
        try:
            self.signals.get(timeout=seconds)
        except Empty:
            return False
        return True


def main(folder: str, scenario: str) -> None:
    run, asked = Run(Path(folder)), Asked()
    signal.signal(signal.SIGTERM, asked.stop)
    with locked(run.folder / "lock") as mine:
        assert mine
        if scenario == "finishes":
            for event in whole_run(3):
                run.log.append(event)
            return
        for event in (Started(), Phase(what="train", total=100), step(1), step(2)):
            run.log.append(event)
        if scenario == "fails":
            run.log.append(Failed(boundary="train", message="RuntimeError: it broke", traceback="Traceback ..."))
        elif scenario == "works":
            assert asked.within(600)
            run.log.append(Finished(why="stopped", message="Saved at step 2 of 100."))


if __name__ == "__main__":
    main(*sys.argv[1:])
