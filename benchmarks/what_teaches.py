"""Measures what choosing prompts, and weighing rewards otherwise, gives on the embedded model: how soon it is right.

    python -m benchmarks.what_teaches [--sets mixed clean four] [--arms shuffled teaching] [--seeds 0 1 2]

Of the problems of `mixed` the model can learn 40 % and never gets the others right; of `clean` it can learn all; `four`
has 25 %, and four prompts a step as the GPU presets have. The arms of a seed take turns, each in a process of its own.
Seconds are without the held-out test after each step. Writes benchmarks/results/<date>-signal.json.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.__main__ import HERE, table
from benchmarks.problem_sets import problems
from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.grading.rewards import Texts, correctness
from grpo_space.grading.rewards import format as form
from grpo_space.presets import read_preset
from grpo_space.tasks.problems import Row

ARMS: dict[str, tuple[list[str], dict[str, str]]] = {
    "shuffled": ([], {}),
    "teaching": (["prompts=teaching"], {}),
    "batch": (["grpo.scale_rewards=batch"], {}),
    "none": (["grpo.scale_rewards=none"], {}),
    "gdpo": ([], {"multi_objective_aggregation": "normalize_then_sum"}),
    "right form": ([f"rewards={{correctness: 1, '{__file__}:right_form': 1}}"], {}),
    "teaching, batch": (["prompts=teaching", "grpo.scale_rewards=batch"], {}),
    "teaching, right form": (["prompts=teaching", f"rewards={{correctness: 1, '{__file__}:right_form': 1}}"], {}),
}
"""Settings, and arguments of TRL's."""
SETTINGS = {
    "mixed": ["grpo.max_steps=24"],
    "clean": ["grpo.max_steps=18"],
    "four": ["grpo.max_steps=70", "grpo.per_device_train_batch_size=32"],
}
GOAL = 0.85
"""The share of right held-out answers until which is counted."""


def right_form(prompts: Texts, completions: Texts, *, answer: list[str], **columns: Any) -> list[float]:
    """The format's reward, paid only beside a right answer."""
    right = correctness(prompts, completions, answer=answer, question=columns.get("question"))
    paid = form(prompts, completions, cut_off=columns.get("cut_off"))
    return [form if good else 0.0 for form, good in zip(paid, right, strict=True)]


@dataclass
class Point:
    """How far a training is after a step."""

    completions: int
    tokens: float
    seconds: float
    cpu_seconds: float
    right: float
    """Share of right answers to the held-out problems."""
    in_form: float
    teaching: float
    """Share of the step's groups in which some completions are right and others not."""


def engine_for(config: RunConfig) -> Any:
    from grpo_space.worker import download
    from grpo_space.worker.engines import plain
    from grpo_space.worker.engines.choice import choose

    model = download.fetch(config.model)
    return plain.load(config, choose(config, model.folder, None, vllm_died=False), model.folder, model.commit, None)


def fit(config: RunConfig, train: list[Row], test: list[Row], changes: dict[str, str]) -> list[Point]:
    """Trains until the goal is reached, and tests on held-out problems after each step."""
    from transformers import TrainerCallback

    from grpo_space.worker.evaluate import probe
    from grpo_space.worker.recorder import Batch, Recorder
    from grpo_space.worker.sampler import prompt_sampler
    from grpo_space.worker.train import grpo_config, make_trainer, problems_for

    engine = engine_for(config)
    points: list[Point] = []
    batches: list[Batch] = []

    class Test(TrainerCallback):
        clock = cpu = spent = spent_cpu = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.clock, self.cpu = time.monotonic(), cpu_seconds()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.spent += time.monotonic() - self.clock
            self.spent_cpu += cpu_seconds() - self.cpu
            seen = probe(engine, test, config, state.global_step)
            taught = batches[-1].taught()
            point = Point(
                completions=sum(len(batch.texts) for batch in batches),
                tokens=sum(sum(batch.tokens) for batch in batches),
                seconds=round(self.spent, 2),
                cpu_seconds=round(self.spent_cpu, 2),
                right=seen.correct / seen.n,
                in_form=seen.strict_correct / seen.n,
                teaching=sum(taught) / len(taught),
            )
            points.append(point)
            control.should_training_stop |= point.right >= GOAL

    def written(batch: Batch) -> None:
        batches.append(batch)
        sampler.learn(batch)

    with tempfile.TemporaryDirectory() as folder:
        args = grpo_config(engine, config, Path(folder), save_strategy="no", **changes)
        sampler = prompt_sampler(config, problems_for(engine, train, config), args)
        recorder = Recorder(config, engine.stop_ids, written)
        make_trainer(engine, sampler.dataset, recorder, Test(), args).train()
    return points


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def until(goal: float, points: list[Point]) -> dict[str, float] | None:
    """What it took to the first step at which so many were right, between two steps in proportion."""
    before = Point(0, 0.0, 0.0, 0.0, points[0].right, 0.0, 0.0)
    for number, (last, point) in enumerate(pairwise([before, *points])):
        if point.right >= GOAL:
            part = 1.0 if number == 0 else (goal - last.right) / (point.right - last.right)
            taken = {
                name: round(getattr(last, name) + part * (getattr(point, name) - getattr(last, name)), 1)
                for name in ("completions", "tokens", "seconds", "cpu_seconds")
            }
            shares = [each.teaching for each in points[: number + 1]]
            return taken | {"steps": round(number + part, 2), "teaching": round(sum(shares) / len(shares), 3)}
    return None


def one(name: str, arm: str, seed: int) -> None:
    """One training, as a line of JSON."""
    settings, changes = ARMS[arm]
    config = override(read_preset("tiny").run, [*SETTINGS[name], *settings, f"seed={seed}"])
    train, test = problems(name)
    points = fit(config, train, test, changes)
    print(json.dumps([asdict(point) for point in points]))


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.what_teaches", *arguments]
    environment = {**os.environ, "GOMP_SPINCOUNT": "1000"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return done.stdout.splitlines()[-1] if done.stdout else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=["shuffled", "teaching"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, help="keeps the figures, so that what it holds is not measured again")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.folder or Path(made)
        if arguments.one:
            name, arm, seed = arguments.one
            one(name, arm, int(seed))
        else:
            measure(arguments, folder)


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Every set and seed, the arms in turn; what is known already in the folder is not measured again."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "points.json"
    known: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for name in arguments.sets:
        for seed in arguments.seeds:
            for arm in arguments.arms:
                key = f"{name}, {arm}, seed {seed}"
                if key not in known:
                    known[key] = json.loads(run("--one", name, arm, str(seed)))
                    kept.write_text(json.dumps(known))
    Console().print(
        table("To the goal, mean of the seeds", ["", "seeds", *TAKEN, "less than shuffled"], [*rows(known)])
    )
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "machine": platform.machine()}
    file = HERE / "results" / f"{time.strftime('%Y-%m-%d')}-signal.json"
    file.write_text(json.dumps({"machine": machine, "goal": GOAL, "runs": known}) + "\n", encoding="utf-8")


TAKEN = ("steps", "completions", "tokens", "seconds", "cpu_seconds", "teaching")


def rows(known: dict[str, Any]) -> Iterator[list[str]]:
    """What each arm took to the goal, and how many times as many completions `shuffled` took with the same seeds."""
    taken: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for key, points in known.items():
        name, _, rest = key.partition(", ")
        arm, _, seed = rest.rpartition(", ")
        if found := until(GOAL, [Point(**point) for point in points]):
            taken.setdefault((name, arm), {})[seed] = found
    for (name, arm), seeds in taken.items():
        means = [statistics.fmean(each[figure] for each in seeds.values()) for figure in TAKEN]
        usual = taken.get((name, "shuffled"), {})
        ratios = [usual[seed]["completions"] / each["completions"] for seed, each in seeds.items() if seed in usual]
        ratio = f"{statistics.geometric_mean(ratios):.2f}" if ratios else ""
        yield [f"{name}, {arm}", str(len(seeds)), *(f"{mean:.3g}" for mean in means), ratio]


if __name__ == "__main__":
    main()
