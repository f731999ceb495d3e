"""Base and tuned on the same held-out problems: same prompt, same greedy decoding, same extractor."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import grpo_space
from grpo_space.answers import grade
from grpo_space.config import RunConfig
from grpo_space.events import Answer, Evaluated, EventLog, Probe
from grpo_space.runs import every
from grpo_space.worker.data import Row, messages
from grpo_space.worker.engine import Engine

EXTRACTOR = ("answers.py", "numbers.py", "reading.py", "statements.py", "symbolic.py")
"""The files that decide what counts as right."""


def answer(
    engine: Engine,
    rows: Sequence[Row],
    config: RunConfig,
    adapter: bool,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Answer, ...]:
    """Greedy answers to `rows`, graded."""
    prompts = [messages(row.question, config.data.system_prompt) for row in rows]
    written = engine.write(
        prompts,
        adapter=adapter,
        max_new_tokens=config.grpo.max_completion_length,
        batch_size=config.evaluation.batch_size,
        progress=progress,
    )
    return tuple(
        _graded(row, *told) for row, told in zip(rows, ((w.text, w.tokens, w.cut_off) for w in written), strict=True)
    )


def _graded(row: Row, text: str, tokens: int, cut_off: bool) -> Answer:
    graded = grade(text, row.gold, row.question)
    return Answer(
        question=row.question, gold=row.gold, kind=row.kind, text=text, tokens=tokens, cut_off=cut_off,
        value=graded.value, correct=graded.lenient, strict=graded.strict, reason=graded.reason,
    )  # fmt: skip


def evaluate_base(engine: Engine, rows: Sequence[Row], config: RunConfig, progress: Callable[[int], None]) -> Evaluated:
    """The base's result is the same for every run with the same model, problems, prompt, decoding and extractor."""
    digest = key(engine, rows, config)
    earlier = _earlier(digest)
    if earlier is not None:
        return earlier
    start = time.monotonic()
    answers = answer(engine, rows, config, adapter=False, progress=progress)
    return Evaluated(which="base", key=digest, seconds=time.monotonic() - start, answers=answers)


def evaluate_tuned(
    engine: Engine, rows: Sequence[Row], config: RunConfig, progress: Callable[[int], None]
) -> Evaluated:
    start = time.monotonic()
    answers = answer(engine, rows, config, adapter=True, progress=progress)
    return Evaluated(which="tuned", key=key(engine, rows, config), seconds=time.monotonic() - start, answers=answers)


def probe(engine: Engine, rows: Sequence[Row], config: RunConfig, step: int) -> Probe:
    answers = answer(engine, rows, config, adapter=True)
    right, strict = sum(a.correct for a in answers), sum(a.strict for a in answers)
    return Probe(step=step, correct=right, strict_correct=strict, n=len(answers))


def key(engine: Engine, rows: Sequence[Row], config: RunConfig) -> str:
    """Digest of all that the base's result depends on. The batch size is in it: padding moves the last bits."""
    package = Path(grpo_space.__file__).parent
    parts = [
        engine.name,
        engine.commit,
        config.data.system_prompt,
        config.grpo.max_completion_length,
        config.evaluation.batch_size,
        [hashlib.sha256((package / name).read_bytes()).hexdigest() for name in EXTRACTOR],
        [[row.question, row.gold] for row in rows],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _earlier(digest: str) -> Evaluated | None:
    """The same evaluation of the base in this run, before it was resumed, or in another one."""
    for run in every():
        path = run.folder / "events.jsonl"
        if not path.is_file() or digest not in path.read_text(encoding="utf-8", errors="replace"):
            continue
        for event in EventLog(path).read()[0]:
            if isinstance(event, Evaluated) and event.which == "base" and event.key == digest:
                return event.model_copy(update={"reused_from": event.reused_from or run.id, "time": time.time()})
    return None
