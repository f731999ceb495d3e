"""Measures our worker beside a plain TRL script on the embedded model, in one run on one machine; and the cost of
events.

    python -m benchmarks [--steps 10] [--pairs 2]

Writes benchmarks/results/<date>-cpu.json too.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Evaluated, Finished, Phase, Started, Step
from grpo_space.runs.run import create_run

HERE = Path(__file__).parent
FIGURES = {
    "seconds_per_step": "seconds per step, median",
    "tokens_per_second": "generated tokens per second",
    "seconds_to_first_step": "seconds from start to first step",
    "peak_gib": "peak memory, GiB",
}


def worker(steps: int) -> dict[str, float]:
    """Figures of the worker on the same model, data and settings as plain_trl.py; one problem evaluated, since a plain
    script evaluates none.
    """
    settings = [f"grpo.max_steps={steps}", "evaluation.problems=1", "evaluation.probe_problems=0"]
    with tempfile.TemporaryDirectory() as root:
        run = create_run(override(read_preset("tiny").run, settings), Path(root) / "run")
        command = [sys.executable, "-m", "grpo_space.worker", "train", str(run.folder)]
        start = time.time()
        with run.worker_log.open("wb") as log:
            environment = {**os.environ, "GRPO_SPACE_RUNS": root}
            quiet = subprocess.DEVNULL
            process = subprocess.Popen(command, stdin=quiet, stdout=log, stderr=log, env=environment)
        _, _, usage = os.wait4(process.pid, 0)
        made = [event for event in run.log.read()[0] if isinstance(event, Step)]
    seconds = statistics.median(step.seconds for step in made[1:])
    tokens = statistics.median(64 * step.metrics["completions/mean_length"] for step in made)
    return {
        "seconds_per_step": seconds,
        "tokens_per_second": tokens / seconds,
        "seconds_to_first_step": made[0].time - start,
        "peak_gib": usage.ru_maxrss / 2**20,
    }


def plain(steps: int) -> dict[str, float]:
    """Figures of plain_trl.py."""
    command = [sys.executable, str(HERE / "plain_trl.py"), "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    return {name: float(figures[name]) for name in FIGURES}


def whole_run() -> dict[str, float]:
    """Seconds of `train tiny` from the command to the final table, part by part."""
    with tempfile.TemporaryDirectory() as root:
        start = time.time()
        command = [sys.executable, "-m", "grpo_space", "train", "tiny", "--run-dir", f"{root}/run"]
        subprocess.run(command, capture_output=True, check=True, env={**os.environ, "GRPO_SPACE_RUNS": root})
        total = time.time() - start
        events, _ = EventLog(Path(root) / "run" / "events.jsonl").read()
    began = {event.what: event.time for event in events if isinstance(event, Phase) and not event.done}
    [base, tuned] = [event for event in events if isinstance(event, Evaluated)]
    [started] = [event for event in events if isinstance(event, Started)]
    [finished] = [event for event in events if isinstance(event, Finished)]
    return {
        "in all": total,
        "start of the worker": started.time - start,
        "data, imports, model": began["evaluate_base"] - started.time,
        f"evaluation of the base ({base.n} problems)": base.seconds,
        "training": began["save"] - began["train"],
        f"evaluation of the tuned ({tuned.n} problems)": tuned.seconds,
        "end and table": start + total - finished.time,
    }


def events(count: int) -> dict[str, float]:
    """Microseconds to append one event, and to read ten new ones, after `count` events."""
    with tempfile.TemporaryDirectory() as folder:
        log = EventLog(Path(folder) / "events.jsonl")
        step = Step(step=1, seconds=1.0, metrics={f"metric/{i}": i / 7 for i in range(20)})
        log.append(step)
        line = log.path.read_bytes()
        with log.path.open("ab") as file:
            file.write(line * (count - 1))
        size = log.path.stat().st_size
        append = timed(lambda: log.append(step), 200)
        with log.path.open("r+b") as file:
            file.truncate(size)
        offset = size - 10 * len(line)
        read = timed(lambda: log.read(offset), 200)
    return {"append": append, "read ten": read}


def timed(call: Callable[[], object], times: int) -> float:
    """Microseconds that a call takes, the median of so many."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e6


def where_a_step_goes(steps: int) -> dict[str, float]:
    """Seconds of a step, part by part."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.where_time_goes", str(steps)],
        capture_output=True, text=True, check=True, env={**os.environ, "GOMP_SPINCOUNT": "1000"},
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(title: str, columns: list[str], rows: list[list[str]]) -> Table:
    """A table for the terminal."""
    made = Table(title=title)
    for column in columns:
        made.add_column(column)
    for row in rows:
        made.add_row(*row)
    return made


def main() -> None:
    """Measures everything, prints and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=2, help="how often each of the two is run, in turn")
    arguments = parser.parse_args()
    console = Console()
    pairs = [(worker(arguments.steps), plain(arguments.steps)) for _ in range(arguments.pairs)]
    ours = {name: statistics.median(pair[0][name] for pair in pairs) for name in FIGURES}
    theirs = {name: statistics.median(pair[1][name] for pair in pairs) for name in FIGURES}
    ratios = {name: statistics.median(pair[0][name] / pair[1][name] for pair in pairs) for name in FIGURES}
    rows = [[text, f"{ours[n]:.2f}", f"{theirs[n]:.2f}", f"{ratios[n]:.2f}"] for n, text in FIGURES.items()]
    console.print(
        table(f"GRPO on the embedded model, {arguments.steps} steps", ["", "worker", "plain TRL", "ratio"], rows)
    )

    parts = where_a_step_goes(arguments.steps)
    console.print(
        table("Where a step goes", ["", "seconds"], [[name, f"{value:.2f}"] for name, value in parts.items()])
    )

    whole = whole_run()
    console.print(table("train tiny", ["", "seconds"], [[name, f"{value:.1f}"] for name, value in whole.items()]))

    few, many = events(100), events(100_000)
    rows = [[name, f"{few[name]:.0f}", f"{many[name]:.0f}"] for name in few]
    console.print(table("Events, microseconds", ["", "after 100", "after 100,000"], rows))
    keep({"worker": ours, "plain_trl": theirs, "ratios": ratios, "step": parts, "run": whole, "events": [few, many]})


def keep(figures: dict[str, Any]) -> None:
    """Writes the figures and the machine that they were measured on into benchmarks/results."""
    versions = {"python": platform.python_version(), "cpus": os.cpu_count(), "machine": platform.machine()}
    file = HERE / "results" / f"{time.strftime('%Y-%m-%d')}-cpu.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"machine": versions, **figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
