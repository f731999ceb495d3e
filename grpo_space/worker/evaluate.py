"""Measures base and tuned on the same held-out problems: same prompt, same greedy decoding, same extractor."""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.paths import PROJECT
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Answer, Answered, Evaluated, Method, Probe, Sampled, Which
from grpo_space.runs.run import Run, all_runs
from grpo_space.tasks import kinds
from grpo_space.tasks.problems import Row, digest
from grpo_space.tasks.task import Verdict
from grpo_space.worker.engines.base import Engine, Messages, Sampling, Written
from grpo_space.worker.recorder import judged

DECIDING_ROOMS = ("grading", "tasks", "tasks/sandbox", "worker/engines")
"""The rooms that decide what the model is asked, how it answers, and what counts as right."""
EXAMPLES: dict[Which, int] = {"example": 1, "examples": 4}
"""How many worked examples stand in the prompt."""
AT_ONCE = 512
"""Problems that vLLM is given at once, and the most that a kill can lose: it fills its batches from them."""


def answer(
    engine: Engine,
    rows: Sequence[Row],
    config: RunConfig,
    adapter: bool,
    progress: Callable[[int], None] = lambda done: None,
    examples: int = 0,
    samples: int = 1,
    kept: EventLog | None = None,
) -> list[tuple[Answer, ...]]:
    """Graded answers to each of `rows`: a greedy one, or several samples at the run's temperature.

    Each is appended to `kept` as soon as it is there, and what stands there already is not written again.
    """
    prompts = [prompt(engine, row, config, examples) for row in rows]
    lengths = [len(engine.encode(prompt)) for prompt in prompts]
    jobs = [(i, k) for i in sorted(range(len(rows)), key=lambda i: -lengths[i]) for k in range(samples)]
    done = {(event.problem, event.sample): event.answer for event in answered(kept)}
    batches = config.evaluation.batch_size * engine.batches_at_once
    at_once = batches if engine.choice.answers == "generate" else AT_ONCE
    for start in range(0, len(jobs), at_once):
        part = jobs[start : start + at_once]
        if all(job in done for job in part):
            continue
        written = engine.write(
            [prompts[i] for i, _ in part],
            adapter=adapter,
            max_new_tokens=config.grpo.max_completion_length,
            batch_size=config.evaluation.batch_size,
            progress=lambda here, start=start: progress(start + here),  # type: ignore[misc]
            sampling=Sampling(config.grpo.temperature, config.seed + start) if samples > 1 else None,
        )
        new = [(job, completion) for job, completion in zip(part, written, strict=True) if job not in done]
        verdicts = kinds.verify([completion.text for _, completion in new], [rows[i] for (i, _), _ in new])
        for ((i, k), completion), verdict in zip(new, verdicts, strict=True):
            done[i, k] = _graded(rows[i], completion, verdict)
            if kept is not None:
                kept.append(Answered(problem=i, sample=k, answer=done[i, k]))
    return [tuple(done[i, k] for k in range(samples)) for i in range(len(rows))]


def prompt(engine: Engine, row: Row, config: RunConfig, examples: int = 0) -> Messages:
    """A problem as it is asked, after so many worked examples of its Task."""
    task = kinds.task_of(row)
    return engine.conversation(row.question, config, [task.example, *task.more_examples][:examples])


def answered(kept: EventLog | None) -> list[Answered]:
    """The answers that an earlier attempt left in the file."""
    return [event for event in kept.read()[0] if isinstance(event, Answered)] if kept is not None else []


def _graded(row: Row, written: Written, verdict: Verdict) -> Answer:
    completion = judged(written.text, written.tokens, written.cut_off, verdict)
    return Answer(
        **completion.model_dump(), question=row.question, gold=row.gold, kind=row.kind, steps=row.calculations(),
        task=row.task, details=row.details,
    )  # fmt: skip


def measure(
    engine: Engine,
    rows: Sequence[Row],
    config: RunConfig,
    which: Which,
    progress: Callable[[int], None],
    folder: Path | None = None,
    samples: int = 1,
    again: bool = False,
) -> Evaluated | Sampled:
    """Measures a model on `rows`. Its answers are kept one a line in `folder`, where an earlier attempt's are used too;
    `again`: they are not.
    """
    start, method = time.monotonic(), how(engine, rows, config, which, samples)
    kept = _kept_answers(folder, method, again) if folder is not None else None
    there, wanted = len(answered(kept)), len(rows) * samples
    answers = answer(engine, rows, config, which == "tuned", progress, EXAMPLES.get(which, 0), samples, kept)
    seconds = time.monotonic() - start
    if 0 < there < wanted:  # as long as all would have taken: the budget keeps so much for the tuned model
        seconds *= wanted / (wanted - there)
    if samples > 1:
        assert which in ("base", "tuned")
        return Sampled(which=which, key=method.key, seconds=seconds, method=method, answers=tuple(answers))
    greedy = tuple(one for (one,) in answers)
    return Evaluated(which=which, key=method.key, seconds=seconds, answers=greedy, method=method)


def _kept_answers(folder: Path, method: Method, again: bool) -> EventLog:
    """The file of answers to that method. It begins with the method; `again`: it has nothing else."""
    kept = EventLog(folder / f"{method.key}.jsonl")
    folder.mkdir(parents=True, exist_ok=True)
    if again:
        kept.path.unlink(missing_ok=True)
    if not kept.path.exists():
        kept.append(method)
    return kept


def probe(engine: Engine, rows: Sequence[Row], config: RunConfig, step: int) -> Probe:
    """Counts the tuned model's right greedy answers to the probe's problems."""
    answers = [one for (one,) in answer(engine, rows, config, adapter=True)]
    right, strict = sum(a.correct for a in answers), sum(a.strict for a in answers)
    return Probe(step=step, correct=right, strict_correct=strict, n=len(answers))


def how(
    engine: Engine,
    rows: Sequence[Row],
    config: RunConfig,
    which: Which,
    samples: int = 1,
) -> Method:
    """All that a result depends on, and the digest of it. The batch size is in it: padding moves the last bits."""
    batches = f"batches of {config.evaluation.batch_size}"
    method = Method(
        which=which,
        key="",
        model=config.model.id,
        model_commit=engine.commit,
        adapter=adapter_digest(engine) if which == "tuned" else "",
        system_prompt=config.data.system_prompt,
        example=which in EXAMPLES,
        examples=EXAMPLES.get(which, 0),
        temperature=config.grpo.temperature if samples > 1 else 0.0,
        samples=samples,
        seed=config.seed if samples > 1 else 0,
        max_new_tokens=config.grpo.max_completion_length,
        engine=f"{engine.choice.engine}, {engine.choice.answers}, {engine.model.device.type}, {batches}",
        versions={package: version(package) for package in packages(engine)},
        extractor=deciding_files(),
        problems=len(rows),
    )
    problems = [row.identity for row in rows]
    parts = [method.model_dump(exclude={"time", "key", "which"}), config.model.load_in_4bit, problems]
    return method.model_copy(update={"key": digest(json.dumps(parts).encode())})


def deciding_files() -> str:
    """Digest of every file that decides what the model is asked and what is right: after an upgrade no old result
    stands in.
    """
    package = PROJECT / "grpo_space"
    files = sorted(file for room in DECIDING_ROOMS for file in (package / room).glob("*.py"))
    made = hashlib.sha256()
    for file in files:
        made.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return made.hexdigest()[:16]


def adapter_digest(engine: Engine) -> str:
    """Digest of the adapter's weights, in 32 bits."""
    made = hashlib.sha256()
    for name, weights in sorted(engine.model.named_parameters()):
        if "lora_" in name:
            made.update(name.encode() + weights.detach().float().cpu().numpy().tobytes())
    return made.hexdigest()[:16]


def packages(engine: Engine) -> list[str]:
    """Packages whose versions can change what is written or read."""
    used = ["torch", "transformers", "math-verify"]
    used += ["unsloth"] if engine.choice.engine == "unsloth" else []
    return used + (["vllm"] if engine.choice.answers == "vllm" else [])


def known(run: Run, engine: Engine, rows: Sequence[Row], config: RunConfig, which: Which) -> Evaluated | None:
    """The same evaluation of the base, made in this run before it was resumed or in another one; None where there is
    none.

    The base's result is the same for every run with the same model, problems, prompt, decoding and extractor.
    """
    wanted = how(engine, rows, config, which).key
    for other in [run, *all_runs()]:
        with contextlib.suppress(OSError, UserError):  # one that is damaged, or was deleted this moment, is no source
            if wanted not in other.log.path.read_text(encoding="utf-8", errors="replace"):
                continue
            for event in other.log.events():
                if isinstance(event, Evaluated) and event.which == which and event.key == wanted:
                    source = event.reused_from or ("" if other.id == run.id else other.id)
                    return event.model_copy(update={"reused_from": source, "time": time.time()})
    return None
