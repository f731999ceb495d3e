"""Wraps the reward functions that TRL calls, to see each batch whole: every completion, and what was paid for it."""

import inspect
import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import RunError
from grpo_space.formatting import cut
from grpo_space.grading.rewards import correctness, text_of
from grpo_space.runs.events import (
    ALL_RIGHT,
    NEW_PROMPTS,
    NEW_REWARD,
    NEW_RIGHT,
    NONE_RIGHT,
    TEACHING,
    Completion,
    Group,
    Sample,
)
from grpo_space.tasks import kinds
from grpo_space.tasks.problems import Row
from grpo_space.tasks.task import Verdict
from grpo_space.worker.custom_reward import Function, functions, line_of

VERDICTS = "verdicts"
"""Column of what the ranks found of their own completions; None: that is the first one's to find. No reward function is
called with it.
"""
TASK, DETAILS = "task", "details"
"""Columns of a dataset that say what its problems need to be verified. No reward function is called with them."""
SLOT, IS_NEW = "slot", "new"
"""Columns of a dataset whose prompts are chosen: which of the run's slots a row fills, and whether its problem was
drawn in its turn. No reward function is called with them.
"""


class RewardError(RunError):
    """A reward function raised, or gave back something else than one number for each completion."""


@dataclass(frozen=True)
class Batch:
    """The completions of one step, in whole groups: the first `size` belong to the first prompt, and so on."""

    step: int
    size: int
    problems: list[Row]
    texts: list[str]
    tokens: list[int]
    cut_off: list[bool]
    rewards: dict[str, list[float]]
    """What each function paid, before weights. NaN: no opinion."""
    totals: list[float]
    """The rewards of each completion, weighted and summed."""
    verdicts: list[Verdict]
    slots: list[int]
    """The slot of each group; none where prompts are not chosen."""
    new: list[bool]
    """Of each group, whether its prompt was drawn in its turn, and not chosen for what it taught before."""

    @property
    def questions(self) -> list[str]:
        """The question that each completion answers."""
        return [problem.question for problem in self.problems]

    @property
    def correct(self) -> list[bool]:
        """Which completions are right, wherever the answer stands."""
        return [verdict.correct for verdict in self.verdicts]

    def groups(self) -> list[list[bool]]:
        """Of each group, which of its completions are right."""
        correct = self.correct
        return [correct[start : start + self.size] for start in range(0, len(correct), self.size)]

    def taught(self) -> list[bool]:
        """Of each group, whether some of its completions are right and others not: only that shows which way is
        better. Other rewards differ in hopeless groups too.
        """
        return [any(group) and not all(group) for group in self.groups()]

    def metrics(self) -> dict[str, float]:
        """What the groups can teach, and how new prompts did, as metrics of the step."""
        groups, correct = self.groups(), self.correct
        new = [i for i in range(len(correct)) if self.new[i // self.size]]
        found = {
            TEACHING: sum(self.taught()) / len(groups),
            ALL_RIGHT: sum(map(all, groups)) / len(groups),
            NONE_RIGHT: sum(not any(group) for group in groups) / len(groups),
            NEW_PROMPTS: sum(self.new),
            NEW_RIGHT: statistics.fmean(correct[i] for i in new),
        }
        if self.slots:
            paid = [self.totals[i] for i in new if not math.isnan(self.totals[i])]
            found[NEW_REWARD] = statistics.fmean(paid) if paid else math.nan
        return found

    def group(self, start: int, scale: str) -> Group:
        """The group whose first completion is number `start`."""
        gains = advantages(self.totals, self.size, scale)
        problem = self.problems[start]
        samples = []
        for i in range(start, start + self.size):
            completion = judged(self.texts[i], self.tokens[i], self.cut_off[i], self.verdicts[i])
            rewards = {label: paid[i] for label, paid in self.rewards.items()}
            samples.append(Sample(**completion.model_dump(), rewards=rewards, advantage=gains[i]))
        return Group(
            step=self.step, question=problem.question, gold=problem.gold, samples=tuple(samples),
            task=problem.task, details=problem.details,
        )  # fmt: skip


def judged(text: str, tokens: int, cut_off: bool, verdict: Verdict) -> Completion:
    """A completion with what was read from it, whether that is right, and why."""
    return Completion(
        text=text, tokens=tokens, cut_off=cut_off,
        value=verdict.value, correct=verdict.correct, strict=verdict.strict, reason=verdict.reason,
    )  # fmt: skip


class Recorder:
    """Calls the reward functions for TRL, and emits each batch once all of them have paid."""

    def __init__(
        self,
        config: RunConfig,
        stop_ids: frozenset[int],
        emit: Callable[[Batch], None],
        faults: dict[str, str] | None = None,
    ) -> None:
        """`faults`: takes what is wrong with a reward, which then has no opinion; without it that is raised."""
        self.config, self.stop_ids, self.emit, self.faults = config, stop_ids, emit, faults
        self.functions = functions(config)
        self.paid: dict[str, list[float]] = {}
        self.verdicts: list[Verdict] = []
        """Of the batch at hand: a program that is an answer runs once, whatever asks for its verdict."""

    def wrapped(self) -> list[Callable[..., list[float]]]:
        """The functions for TRL, in the order of the config's weights. TRL calls each once a batch, in this order."""
        return [self._wrap(label, function) for label, function in self.functions.items()]

    def _wrap(self, label: str, function: Function) -> Callable[..., list[float]]:
        def reward(completion_ids: list[list[int]], **columns: Any) -> list[float]:
            slots, new = columns.pop(SLOT, []), columns.pop(IS_NEW, [True] * len(completion_ids))
            found = columns.pop(VERDICTS, [None])
            problems, texts = _problems(columns), [text_of(completion) for completion in columns["completions"]]
            cut_off = [self.stop_ids.isdisjoint(ids) for ids in completion_ids]
            columns |= {"cut_off": cut_off, "max_completion_length": self.config.grpo.max_completion_length}
            self.verdicts = self.verdicts or (kinds.verify(texts, problems) if None in found else found)
            known = {"scores": [verdict.score for verdict in self.verdicts]} if function is correctness else {}
            self.paid[label] = self._call(label, function, completion_ids=completion_ids, **columns, **known)
            if self.config.control == "random":
                self.paid[label] = dealt(self.paid[label], self.config.seed, _step(columns), label)
            if len(self.paid) == len(self.functions):
                batch = self._batch(completion_ids, columns, problems, texts, slots, new)
                self.verdicts = []
                self.emit(batch)
                for name, value in batch.metrics().items():
                    columns["log_metric"](name, value)
                paid, self.paid = self.paid[label], {}
                return paid
            return self.paid[label]

        reward.__name__ = label  # TRL names its metrics by it
        return reward

    def _call(self, label: str, function: Function, **columns: Any) -> list[float]:
        try:
            return call(label, function, **columns)
        except RewardError as error:
            if self.faults is None:
                raise
            self.faults.setdefault(label, str(error))
            return [math.nan] * len(columns["completions"])

    def _batch(
        self,
        completion_ids: list[list[int]],
        columns: dict[str, Any],
        problems: list[Row],
        texts: list[str],
        slots: list[int],
        new: list[bool],
    ) -> Batch:
        weights, size = list(self.config.rewards.values()), self.config.grpo.num_generations
        paid = zip(*self.paid.values(), strict=True)
        return Batch(
            step=_step(columns),
            size=size,
            problems=problems,
            texts=texts,
            tokens=[len(ids) for ids in completion_ids],
            cut_off=columns["cut_off"],
            rewards=self.paid,
            totals=[weigh(each, weights) for each in paid],
            verdicts=self.verdicts,
            slots=slots[::size],
            new=new[::size],
        )


def _step(columns: dict[str, Any]) -> int:
    """The optimizer step that the completions are for."""
    return int(columns["trainer_state"].global_step) + 1


def dealt(paid: Sequence[float], seed: int, step: int, label: str) -> list[float]:
    """A reward's payments of one step, dealt out anew among its completions: as many of each, for nothing that any of
    them did. One seed deals alike, so that a resumed control is the same control.
    """
    return random.Random(f"{seed} {step} {label}").sample(paid, len(paid))


def _problems(columns: dict[str, Any]) -> list[Row]:
    """The problem of each completion, whose columns for its Task are taken out: rewards are not called with them."""
    n = len(columns["completions"])
    each = zip(
        columns["question"], columns["answer"],
        columns.pop(TASK, ["number"] * n), columns.pop(DETAILS, [""] * n), strict=True,
    )  # fmt: skip
    return [Row(question, gold, task=task, details=details) for question, gold, task, details in each]


def verdicts_by_reading(columns: dict[str, Any]) -> list[Verdict] | list[None]:
    """A rank's verdicts on its own completions; None for each where something is to be run for one of them."""
    problems = _problems(dict(columns))
    if not all(kinds.task_of(problem).by_reading for problem in problems):
        return [None] * len(problems)
    return kinds.verify([text_of(completion) for completion in columns["completions"]], problems)


def weigh(paid: Sequence[float], weights: Sequence[float]) -> float:
    """The weighted sum of one completion's rewards, as TRL sums: NaN, no opinion, is left out; NaN where all are."""
    counted = [value * weight for value, weight in zip(paid, weights, strict=True) if not math.isnan(value)]
    return sum(counted) if counted else math.nan


def call(label: str, function: Function, **columns: Any) -> list[float]:
    """Calls a reward function. Gives what it pays for each completion; NaN where that is None.

    Raises:
        RewardError: naming the function and, where one of them is to blame, the completion and its question.
    """
    n = len(columns["completions"])
    try:
        paid = function(**columns)
    except Exception as error:
        what = f"{type(error).__name__}: {error}{_line(error, function)}"
        raise RewardError(f"the reward {label} raised {what}{_culprit(function, columns)}") from error
    try:
        numbers = [math.nan if value is None else float(value) for value in paid]
    except Exception as error:
        wish = "one number for each completion is needed, in a list"
        raise RewardError(
            f"the reward {label} gave {cut(repr(paid), 80)}: {wish}{_culprit(function, columns)}"
        ) from error
    if math.inf in map(abs, numbers):
        where = text_of(columns["completions"][next(i for i, value in enumerate(numbers) if math.isinf(value))])
        raise RewardError(f"the reward {label} paid infinity; the completion: {where!r}")
    if len(numbers) != n:
        raise RewardError(f"the reward {label} gave {len(numbers)} numbers for {n} completions: one for each is needed")
    return numbers


def _line(error: Exception, function: Function) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return line_of(error, code.co_filename) if code is not None else ""


def _culprit(function: Function, columns: dict[str, Any]) -> str:
    """The first completion on which the function raises by itself, in words."""
    n = len(columns["completions"])
    for i in range(n):
        each = {name: value for name, value in columns.items() if isinstance(value, list) and len(value) == n}
        one = columns | {name: value[i : i + 1] for name, value in each.items()}
        try:
            [float(value) for value in function(**one) if value is not None]
        except Exception:
            return f"; the completion: {text_of(columns['completions'][i])!r}; the question: {columns['question'][i]!r}"
    return ""


def advantages(rewards: Sequence[float], size: int, scale: str) -> list[float]:
    """How much better each completion is than its group: (r - mean) / (std + 1e-4), as TRL computes it (DeepSeekMath,
    arXiv:2402.03300, section 4.1.2).

    `rewards` is a batch of whole groups of `size`; NaN is left out and gets 0. The std is the group's, the batch's, or
    left out.
    """
    batch_std = _std(rewards)
    result = []
    for start in range(0, len(rewards), size):
        group = rewards[start : start + size]
        scored = [r for r in group if not math.isnan(r)]
        mean = statistics.fmean(scored) if scored else math.nan
        divisor = {"group": _std(group) + 1e-4, "batch": batch_std + 1e-4, "none": 1.0}[scale]
        gains = ((r - mean) / divisor for r in group)
        result += [0.0 if math.isnan(gain) else gain for gain in gains]
    return result


def _std(rewards: Sequence[float]) -> float:
    scored = [r for r in rewards if not math.isnan(r)]
    return statistics.stdev(scored) if len(scored) > 1 else math.nan
