"""What a run wrote as JSON lines, so that others can check it: every answer of an evaluation, one line a problem, model
and sample; and every group of the training, one line each.
"""

import json
from collections.abc import Iterable, Iterator

from pydantic_core import to_jsonable_python

from grpo_space.runs.events import Answer, Evaluated, Group, Sampled
from grpo_space.runs.history import History


def of(history: History) -> Iterator[str]:
    """Each model's answers as JSON lines, after one that says how they were come by, where that is known."""
    each: list[Evaluated | Sampled | None] = [history.base, history.tuned, history.example, *history.sampled.values()]
    for event in each:
        if event is None:
            continue
        if event.method is not None:
            yield _line(event.method.model_dump())
        for number, samples in enumerate(_answers(event), 1):
            for sample, answer in enumerate(samples, 1):
                place = {"which": event.which, "problem": number, "sample": sample}
                yield _line(place | answer.model_dump())


def of_groups(groups: Iterable[Group]) -> Iterator[str]:
    """Groups as JSON lines. A reward without an opinion is null."""
    for group in groups:
        yield _line(to_jsonable_python(group.model_dump(exclude={"type"}), inf_nan_mode="null"))


def _answers(event: Evaluated | Sampled) -> list[tuple[Answer, ...]]:
    return [(answer,) for answer in event.answers] if isinstance(event, Evaluated) else list(event.answers)


def _line(record: dict[str, object]) -> str:
    return json.dumps(record, ensure_ascii=False).encode(errors="replace").decode() + "\n"
