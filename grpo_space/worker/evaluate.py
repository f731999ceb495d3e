"""Base and tuned on the same held-out problems: same prompt, same greedy decoding, same extractor."""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import grpo_space
from grpo_space.answers import grade
from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.events import Answer, Evaluated, Probe
from grpo_space.rows import Row, messages
from grpo_space.runs import Run, every
from grpo_space.worker.engine import Engine

DECIDE = (
    "answers.py",
    "numbers.py",
    "reading.py",
    "rows.py",
    "statements.py",
    "symbolic.py",
    "worker/data.py",
    "worker/engine.py",
    "worker/plain.py",
    "worker/fast.py",
)
"""The files that decide what is asked, how it is answered, and what counts as right."""


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
        question=row.question, gold=row.gold, kind=row.kind, steps=row.steps, text=text, tokens=tokens, cut_off=cut_off,
        value=graded.value, correct=graded.lenient, strict=graded.strict, reason=graded.reason,
    )  # fmt: skip


def evaluate_base(engine: Engine, rows: Sequence[Row], config: RunConfig, progress: Callable[[int], None]) -> Evaluated:
    start = time.monotonic()
    answers = answer(engine, rows, config, adapter=False, progress=progress)
    return Evaluated(which="base", key=key(engine, rows, config), seconds=time.monotonic() - start, answers=answers)


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
    folder = Path(grpo_space.__file__).parent
    parts = [
        engine.name,
        str(engine.model.device.type),
        config.model.id,
        config.model.load_in_4bit,
        engine.commit,
        config.data.system_prompt,
        config.grpo.max_completion_length,
        config.evaluation.batch_size,
        [version(package) for package in packages(engine)],
        [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in DECIDE],
        [[row.question, row.gold, row.kind] for row in rows],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def packages(engine: Engine) -> list[str]:
    """Those whose versions can change what is written or read."""
    used = ["torch", "transformers", "math-verify"]
    used += ["unsloth"] if engine.choice.engine == "unsloth" else []
    return used + (["vllm"] if engine.choice.rollout == "vllm" else [])


def known_base(run: Run, engine: Engine, rows: Sequence[Row], config: RunConfig) -> Evaluated | None:
    """The same evaluation of the base, in this run before it was resumed or in another one.

    The base's result is the same for every run with the same model, problems, prompt, decoding and extractor.
    """
    digest = key(engine, rows, config)
    for other in [run, *every()]:
        with contextlib.suppress(OSError, UserError):  # one that is damaged, or was deleted this moment, is no source
            if digest not in other.log.path.read_text(encoding="utf-8", errors="replace"):
                continue
            for event in other.log.read()[0]:
                if isinstance(event, Evaluated) and event.which == "base" and event.key == digest:
                    return event.model_copy(update={"reused_from": event.reused_from or other.id, "time": time.time()})
    return None
