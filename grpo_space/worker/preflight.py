"""Finds out whether a run is trainable, by a few steps of the real trainer that change nothing."""

import math
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from grpo_space.config import RunConfig
from grpo_space.formatting import counted, duration, share
from grpo_space.grading.rewards import LIMITS
from grpo_space.planning.estimate import evaluations_of
from grpo_space.planning.hardware import T4_DOLLARS_PER_HOUR
from grpo_space.runs.events import Finding, Preflight, RewardReport
from grpo_space.runs.fallbacks import generation_batch_size
from grpo_space.tasks.dataset import Rows
from grpo_space.worker import memory_probe, reward_report
from grpo_space.worker.engines.base import Engine
from grpo_space.worker.engines.chunked import generating
from grpo_space.worker.recorder import Batch, Recorder
from grpo_space.worker.reporter import Reporter
from grpo_space.worker.sampler import Shuffled
from grpo_space.worker.train import grpo_config, make_trainer, problems_for, writer_of, writing

PROMPTS = 16
"""Prompts that are sampled for at the least."""
COMPLETIONS = 64
"""Completions at the least by which rewards are judged."""
LEAST_BATCHES = 3
"""Batches at the least: without the first, which warms up, two are timed."""
TOO_MANY_EQUAL = 0.9
"""Share of groups with equal rewards from which a run is not trainable."""
FEW_TEACH = 1 / 3
"""Share of groups that teach below which another set, or chosen prompts, would spend the time better."""


class Clock(TrainerCallback):
    """Notes when each step of a training ended."""

    def __init__(self) -> None:
        self.ends = [time.monotonic()]

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        if len(self.ends) == 1:
            self.ends = [time.monotonic()]

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.monotonic())

    def median(self, cycle: int) -> float:
        """Seconds per step. `cycle` steps share one batch of completions; the first cycle warms up and is left out."""
        cycles = [end - start for start, end in zip(self.ends[::cycle], self.ends[cycle::cycle], strict=False)]
        return statistics.median(cycles[1:]) / cycle


def preflight(engine: Engine, rows: Rows, config: RunConfig, reporter: Reporter) -> Preflight:
    """Samples one group for each of 16 prompts, or more where steps are large, at a learning rate of 0, and says what
    that shows.
    """
    grpo = config.grpo
    completions = max(COMPLETIONS, PROMPTS * grpo.num_generations)
    batches_needed = max(LEAST_BATCHES, math.ceil(completions / grpo.completions_per_step))
    steps = batches_needed * grpo.num_iterations
    batches: list[Batch] = []
    clock = Clock()
    faults: dict[str, str] = {}
    recorder = Recorder(config, engine.stop_ids, batches.append, faults)
    with tempfile.TemporaryDirectory() as nothing:
        changes = {"learning_rate": 0.0, "max_steps": steps, "warmup_steps": 0, "save_strategy": "no"}
        changes["shuffle_dataset"] = True  # whatever the run does with them: these are what it chooses from
        arguments = grpo_config(engine, config, Path(nothing), **changes)
        sampler = Shuffled(problems_for(engine, rows.train, config))
        batch_size = generation_batch_size(config, reporter.log.events())
        trainer = make_trainer(engine, sampler.dataset, recorder, clock, arguments)
        writer = writer_of(trainer, engine)
        with reporter.doing("learn"), generating(writer, engine.model, batch_size, lambda: writing(reporter)):
            trainer.train()
    each = clock.median(grpo.num_iterations)
    with reporter.doing("answer"):
        whole = config.grpo.max_steps * each + evaluation_seconds(engine, rows, config)
        memory = memory_probe.probe(engine, rows.test, config)
    return Preflight(
        prompts=sum(len(batch.texts) for batch in batches) // grpo.num_generations,
        group_size=grpo.num_generations,
        seconds_per_step=each,
        run_seconds=whole,
        dollars=whole / 3600 * T4_DOLLARS_PER_HOUR if "SPACE_ID" in os.environ and torch.cuda.is_available() else None,
        findings=(*findings(batches, config, faults), *costs(each, whole, config)),
        rewards=tuple(reports(batches, config, faults)),
        memory=memory,
    )


def evaluation_seconds(engine: Engine, rows: Rows, config: RunConfig) -> float:
    """Seconds of all evaluations and all probes of the run, by the time that one batch of the base's takes."""
    batch = [engine.conversation(row.question, config) for row in rows.test[: config.evaluation.batch_size]]
    start = time.monotonic()
    longest = config.grpo.max_completion_length
    engine.write(batch, adapter=False, max_new_tokens=longest, batch_size=config.evaluation.batch_size)
    each = (time.monotonic() - start) / len(batch)
    probes = config.grpo.max_steps // config.evaluation.probe_steps * len(rows.probe)
    return each * (evaluations_of(config) * len(rows.test) + probes)


def reports(batches: Sequence[Batch], config: RunConfig, faults: Mapping[str, str]) -> Iterator[RewardReport]:
    """What each reward paid for the batches' completions. `faults`: what is wrong with some, by their names."""
    samples = [
        sample
        for batch in batches
        for start in range(0, len(batch.texts), batch.size)
        for sample in batch.group(start, config.grpo.scale_rewards).samples
    ]
    seen = reward_report.Seen(
        size=batches[0].size,
        questions=[question for batch in batches for question in batch.questions],
        texts=[sample.text for sample in samples],
        tokens=[sample.tokens for sample in samples],
        correct=[sample.correct for sample in samples],
    )
    paid = {label: [sample.rewards[label] for sample in samples] for label in config.reward_labels}
    weights = dict(zip(config.reward_labels, config.rewards.values(), strict=True))
    for name, label in zip(config.rewards, config.reward_labels, strict=True):
        yield reward_report.report(label, ":" in name, weights, paid, seen, faults.get(label, ""))


def findings(batches: Sequence[Batch], config: RunConfig, faults: Mapping[str, str]) -> Iterator[Finding]:
    """What the batches show about rewards, groups, answers and lengths."""
    groups = [(batch, start) for batch in batches for start in range(0, len(batch.texts), batch.size)]
    for label, fault in faults.items():
        advice = "it pays nothing so: put the function right"
        yield Finding(name=f"reward {label}", value=0.0, words=fault, advice=advice, stops=True)
    for label in (label for label in batches[0].rewards if label not in faults):
        yield reward_finding(label, [batch.rewards[label][start : start + batch.size] for batch, start in groups])
    yield equal_finding([batch.totals[start : start + batch.size] for batch, start in groups])
    correct = [batch.correct[start : start + batch.size] for batch, start in groups]
    yield right_finding(correct)
    yield teaching_finding(correct, config)
    yield cut_finding([cut for batch in batches for cut in batch.cut_off], config)
    lengths = [n for batch in batches for n in batch.tokens]
    words = f"completions are {statistics.fmean(lengths):.0f} tokens long on average, {max(lengths)} at most"
    yield Finding(name="completion length", value=statistics.fmean(lengths), words=words)


def reward_finding(label: str, groups: Sequence[Sequence[float]]) -> Finding:
    """Whether a reward fires, and differs within groups. `groups`: what each group's completions were paid."""
    paid = [value for group in groups for value in group if not math.isnan(value)]
    fired, varied = (
        sum(value != 0 for value in paid),
        sum(len({v for v in group if not math.isnan(v)}) > 1 for group in groups),
    )
    if not paid:
        advice = f"{label} has no opinion on any completion: it teaches nothing here. Leave it out, or have it pay"
        return Finding(name=f"reward {label}", value=0.0, words=f"{label} pays nobody", advice=advice, stops=True)
    words = f"{label} pays {share(fired, len(paid))} completions and differs within {share(varied, len(groups))} groups"
    penalty = label in LIMITS and LIMITS[label][1] <= 0  # which pays nothing while all is well
    advice = ""
    if not fired and not penalty:
        advice = (
            f"{label} never fires: the model does not do what it asks for. Ask for it in the prompt, or pay for less"
        )
    elif fired and not varied:
        advice = f"{label} pays everybody in a group the same: it moves nothing here. Leave it out, or make it finer"
    value = fired / max(1, len(paid))
    return Finding(name=f"reward {label}", value=value, words=words, advice=advice, stops=not fired and not penalty)


def equal_finding(groups: Sequence[Sequence[float]]) -> Finding:
    """How many groups teach nothing, as all of their completions earn the same. `groups`: each group's totals."""
    equal = sum(max(group) - min(group) < 1e-9 for group in groups)
    part = equal / len(groups)
    advice = ""
    if part > TOO_MANY_EQUAL:
        advice = (
            "almost no group teaches anything: take problems of another difficulty, a larger group, or finer rewards"
        )
    elif part > 0.5:
        advice = "more than half of the work is for nothing: a larger group or finer rewards help"
    words = (
        f"{share(equal, len(groups))} groups earn all the same: nobody did better than the rest, so they teach nothing"
    )
    return Finding(name="equal groups", value=part, words=words, advice=advice, stops=part > TOO_MANY_EQUAL)


def right_finding(groups: Sequence[Sequence[bool]]) -> Finding:
    """How many answers are right. `groups`: which of each group's completions are right."""
    right, wrong = sum(map(all, groups)), sum(not any(group) for group in groups)
    answers = [correct for group in groups for correct in group]
    words = (
        f"{share(sum(answers), len(answers))} completions are right; {share(right, len(groups))} groups are all right, "
        f"{share(wrong, len(groups))} all wrong"
    )
    return Finding(name="right answers", value=sum(answers) / len(answers), words=words)


def teaching_finding(groups: Sequence[Sequence[bool]], config: RunConfig) -> Finding:
    """How many groups show which way is better, and where too few do, which other problems would."""
    right, wrong = sum(map(all, groups)), sum(not any(group) for group in groups)
    part = (len(groups) - right - wrong) / len(groups)
    advice = ""
    if part < FEW_TEACH:
        easy = right >= wrong
        why = "easy: little is left to learn" if easy else "hard: what is never done right cannot be encouraged"
        advice = f"the problems are too {why}. Take {'a harder' if easy else 'an easier'} level or set"
        chosen = "; prompts=teaching, which meets again what teaches, will help"
        advice += chosen if config.prompts == "teaching" else ", or prompts=teaching, which meets again what teaches"
    words = (
        f"{share(round(part * len(groups)), len(groups))} groups teach: some of their completions are right, others not"
    )
    return Finding(name="groups that teach", value=part, words=words, advice=advice)


def cut_finding(cut_off: Sequence[bool], config: RunConfig) -> Finding:
    """How many completions run into the length limit."""
    part = sum(cut_off) / len(cut_off)
    limit = config.grpo.max_completion_length
    advice = f"raise grpo.max_completion_length above {limit}, or ask for shorter answers" if part > 0.2 else ""
    words = f"{share(sum(cut_off), len(cut_off))} completions run into the limit of {limit} tokens"
    return Finding(name="cut off", value=part, words=words, advice=advice)


def costs(each: float, whole: float, config: RunConfig) -> Iterator[Finding]:
    """Time and memory. `each`: seconds of a step; `whole`: of the run."""
    words = (
        f"{each:.2f} s a step: about {duration(whole)} for {counted(config.grpo.max_steps, 'step')} and the evaluations"
    )
    yield Finding(name="seconds per step", value=each, words=words)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    yield Finding(name="peak memory", value=peak, words=f"{peak:.1f} GiB of memory at most")
    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_reserved() / 2**30
        yield Finding(name="peak GPU memory", value=peak, words=f"{peak:.1f} GiB of GPU memory at most")
