"""A run's figures as a table of comma-separated values: a row a step, and what the probe found after it."""

import csv
import io
import math
from collections.abc import Iterator

from grpo_space.runs.history import History


def of(history: History) -> Iterator[str]:
    """The lines of the table, its head first. What is not a number is empty, as is a probe where there was none."""
    names = sorted({name for step in history.steps for name in step.metrics})
    probes = {probe.step: probe for probe in history.probes}
    yield _line(["step", "seconds", *names, "probe/correct", "probe/n"])
    for step in history.steps:
        probe = probes.get(step.step)
        values = [step.seconds, *(step.metrics.get(name, math.nan) for name in names)]
        found = [probe.correct, probe.n] if probe else ["", ""]
        yield _line([step.step, *(value if math.isfinite(value) else "" for value in values), *found])


def _line(cells: list[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
