"""A run beside its control, which is the same run with payments dealt out at random (arXiv:2506.10947).

A control belongs to a run where nothing in their configs differs but the control, and the name.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.formatting import roughly
from grpo_space.results import memory
from grpo_space.results.comparison import Comparison, of
from grpo_space.results.statistics import Paired, pair, points, tested
from grpo_space.results.two_runs import in_common
from grpo_space.runs import evaluations
from grpo_space.runs.evaluations import Look
from grpo_space.runs.history import History
from grpo_space.runs.run import Run, all_runs
from grpo_space.runs.run_summary import summarize, twin_of

HEADLINE = (
    "A control, no model that was trained to reason: its payments were dealt out at random, so that whatever it gained "
    "is not the rewards' doing."
)
GAINS_ANYWAY = re.compile("qwen2.5-math", re.IGNORECASE)
"""Bases that are known to gain from random rewards: Qwen2.5-Math-7B 21 points on MATH-500 (arXiv:2506.10947)."""


@dataclass(frozen=True)
class Beside:
    """A run's comparison, and that of its control."""

    run: Comparison
    control: Comparison
    name: str
    """The control's."""
    seed: int

    @property
    def direct(self) -> Paired | None:
        """Right answers of the control's tuned model and, in the place of tuned, the run's, on what both answered."""
        found = in_common(self.control.tuned, self.run.tuned)
        return found and replace(found, multiplier=float(self.run.looks))

    @property
    def gains(self) -> tuple[Paired, Paired]:
        """Right answers of base and tuned on what both answered: the run's, and the control's."""
        return _shared(self.run, self.control), _shared(self.control, self.run)


def _shared(mine: Comparison, other: Comparison) -> Paired:
    """A comparison's right answers to the problems that the other one holds too."""
    asked = {(answer.question, answer.gold) for answer in other.tuned.answers}
    kept = [p for p in mine.problems if (p.tuned.question, p.tuned.gold) in asked]
    found = pair([p.base.correct for p in kept], [p.tuned.correct for p in kept])
    return replace(found, multiplier=mine.paired.multiplier)


def is_control(config: RunConfig | None) -> bool:
    """Whether a run with that config is a control."""
    return config is not None and config.control != "none"


def headline(config: RunConfig | None) -> str:
    """What comes before everything that is said of a control; empty of any other run."""
    return HEADLINE if is_control(config) else ""


def control_of(config: RunConfig) -> RunConfig:
    """The config of a run's control."""
    return config.model_copy(update={"name": f"{config.name[:32]}-control", "control": "random"})


def belongs(other: RunConfig, config: RunConfig) -> bool:
    """Whether the other config is that of the control of runs with this config."""
    return is_control(other) and not is_control(config) and twin_of(other) == twin_of(config)


def found(config: RunConfig) -> Run | None:
    """The newest control of runs with that config that was evaluated; None where there is none."""
    twin = twin_of(config)
    for run in all_runs() if not is_control(config) else []:
        made = summarize(run)
        if made.control and made.twin == twin and made.pairs is not None:
            return run
    return None


def beside(config: RunConfig | None, history: History, looks: Sequence[Look]) -> Beside | None:
    """A run's own comparison beside its control's; None of any other comparison, where there is no control, and where
    that answered none of the same problems.
    """
    if config is None or not evaluations.is_of_own(evaluations.request_of(history)):
        return None
    other = found(config)
    return beside_of(config, history, looks, other) if other is not None else None


def beside_of(config: RunConfig, history: History, looks: Sequence[Look], other: Run) -> Beside | None:
    """A run's own comparison beside that of a certain control; None where they answered none of the same problems."""
    theirs = evaluations.stored(other)
    if not all((history.base, history.tuned, theirs.base, theirs.tuned)):
        return None
    made = Beside(of(history, looks), of(theirs, evaluations.looks_at(other)), other.id, config.seed)
    return made if made.direct is not None else None


def words(made: Beside) -> list[str]:
    """Both gains and what they say of the rewards, in sentences; the first is the verdict."""
    (mine, theirs), whole, direct = made.gains, made.control.paired, made.direct
    assert direct is not None
    gains = f"{_signed(mine)} points, and {_signed(theirs)} with random rewards"
    problems = f"{direct.n:,} problem{'s' * (direct.n != 1)}"
    if (mine.n, theirs.n) != (made.run.paired.n, whole.n):
        gains += f", on the {problems} that both answered"
    verdict = {
        "up": "more than random rewards give, beyond chance",
        "down": "less than random rewards give, beyond chance",
        "same": f"no more than random rewards give, as far as {problems} show{'s' * (direct.n == 1)}",
    }[direct.direction]
    if mine.direction == theirs.direction == "up":
        verdict += "; what they give too is " + ("mostly the format" if made.control.form == "up" else "not earned")
    day = time.strftime("%Y-%m-%d", time.gmtime(made.control.tuned.time))
    return [
        f"{gains}: {verdict}.",
        f"With random rewards ({made.name}, {day}, seed {made.seed}): {points(whole)} of n = {whole.n:,} "
        f"({tested(whole)}). Tuned against the control's tuned, on the {problems} that both answered: "
        f"{points(direct)} ({tested(direct)}).",
    ]


def _signed(paired: Paired) -> str:
    return f"{100 * paired.gain:+.1f}"


def why(config: RunConfig, history: History) -> str:
    """Why a run's gain may be none of its rewards' doing, in a sentence; empty where nothing says so."""
    if is_control(config):
        return ""
    if GAINS_ANYWAY.search(config.model.base_id or config.model.id):
        return "This base is known to gain from random rewards too (21 points on MATH-500, arXiv 2506.10947)."
    return "The base remembers test questions." if memory.remembers(history.memory) else ""


def offer(config: RunConfig, history: History, dollars: float | None) -> str:
    """What a control would show, with its time and price; empty where nothing asks for one. `dollars`: what the run
    itself cost; None: not known.
    """
    if not (reason := why(config, history)):
        return ""
    time_words = f" It takes about {roughly(history.seconds)}" if history.seconds else " It takes as long as the run"
    price = "" if dollars is None else ", free" if dollars == 0 else f", ${dollars:.2f}"
    return (
        f"{reason} A control, the same run with random rewards, shows how much of a gain is the rewards' doing."
        f"{time_words}{price} (--control random; on the page: control, among a preset's settings)."
    )


def as_json(made: Beside | None) -> dict[str, Any] | None:
    """A control for machines; None where there is none."""
    if made is None or made.direct is None:
        return None
    theirs, direct = made.control.paired, made.direct
    (low, high), (least, most) = theirs.interval, direct.interval
    return {
        "run": made.name, "seed": made.seed, "n": theirs.n, "gain": theirs.gain, "low": low, "high": high,
        "p_corrected": theirs.corrected,
        "tuned_against_control": {
            "n": direct.n, "gain": direct.gain, "low": least, "high": most, "p_corrected": direct.corrected,
        },
        "words": words(made),
    }  # fmt: skip
