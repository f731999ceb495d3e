"""What GRPO did to a real language model: figures and curves of finished runs, one for each seed.

    python -m benchmarks.real_model RUN [RUN ...]      RUN: a run's folder, or one that holds its events.jsonl

Writes benchmarks/results/<date>-real-model.json and docs/real-model.svg. The runs of the published figures are those of
SmolLM2-135M-Instruct on presets/stories: see docs/performance.md for the command.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from grpo_space.paths import PROJECT
from grpo_space.results.comparison import of
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.history import History

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 300, 46, 34
COLOURS = ("#2563eb", "#ea580c", "#16a34a")
SMOOTH = 5
"""Steps that a point of the curve is the mean of."""


def figures(history: History) -> dict[str, Any]:
    """Base against tuned, by kind of problem, and the share of right completions in training, step by step."""
    assert history.base is not None
    assert history.tuned is not None
    assert history.started is not None
    compared = of(history)
    parts = {share.name: share.paired for share in (*compared.by_kind, *compared.by_steps)}
    return {
        "versions": history.started.versions,
        "hardware": history.started.hardware,
        "steps": history.step,
        "seconds": round(history.seconds),
        "seconds_per_step": round(history.seconds_per_step or 0.0, 2),
        "n": history.base.n,
        "base": history.base.correct,
        "example": history.example.correct if history.example else None,
        "tuned": history.tuned.correct,
        "by": {name: {"n": paired.n, "base": paired.base, "tuned": paired.tuned} for name, paired in parts.items()},
        "right_in_training": [round(step.metrics["rewards/correctness/mean"] / 2, 4) for step in history.steps],
        "tokens": [round(step.metrics["completions/mean_length"], 1) for step in history.steps],
        "probes": [[probe.step, probe.correct, probe.n] for probe in history.probes],
    }


def smoothed(values: list[float]) -> list[float]:
    return [statistics.fmean(values[max(0, i + 1 - SMOOTH) : i + 1]) for i in range(len(values))]


def picture(runs: dict[str, dict[str, Any]]) -> str:
    """Right completions in training over the steps, a line for each run; dots: the held-out probe."""
    steps = max(run["steps"] for run in runs.values())
    top = max(0.1, *(value for run in runs.values() for value in smoothed(run["right_in_training"])))
    top = -(-top // 0.1) * 0.1

    def x(step: float) -> float:
        return round(LEFT + (WIDTH - LEFT - 12) * step / steps, 1)

    def y(share: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 40) * min(share, top) / top, 1)

    drawn = [f'<text x="{LEFT}" y="18">Right in training (mean of {SMOOTH} steps); dots: held-out probe of 64</text>']
    for part in range(5):
        share = top * part / 4
        drawn.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{y(share)}" y2="{y(share)}" stroke="#d1d5db"/>')
        drawn.append(f'<text x="{LEFT - 6}" y="{y(share) + 4}" text-anchor="end">{100 * share:.0f} %</text>')
    for i, (name, run) in enumerate(runs.items()):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(f"{x(n)},{y(v)}" for n, v in enumerate(smoothed(run["right_in_training"]), 1))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [
            f'<circle cx="{x(n)}" cy="{y(right / many)}" r="4" fill="{colour}"/>' for n, right, many in run["probes"]
        ]
        drawn.append(f'<text x="{LEFT + 10}" y="{56 + 16 * i}" fill="{colour}">{name}</text>')
    drawn.append(f'<text x="{WIDTH - 12}" y="{HEIGHT - 10}" text-anchor="end">step {steps}</text>')
    style = "font-family:system-ui,sans-serif;font-size:13px;fill:#6b7280"
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" style="{style}">'
    return f"{opening}{''.join(drawn)}</svg>\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    runs = {}
    for folder in parser.parse_args().runs:
        history = History.of(EventLog(folder / "events.jsonl").read()[0])
        runs[folder.name] = figures(history)
    kept = PROJECT / "benchmarks" / "results" / f"{time.strftime('%Y-%m-%d')}-real-model.json"
    kept.write_text(json.dumps(runs) + "\n", encoding="utf-8")
    (PROJECT / "docs" / "real-model.svg").write_text(picture(runs), encoding="utf-8")
    for name, run in runs.items():
        print(f"{name}: {run['base']} to {run['tuned']} of {run['n']} right, {run['seconds_per_step']} s a step")


if __name__ == "__main__":
    main()
