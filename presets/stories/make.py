"""Writes train.jsonl and test.jsonl: everyday arithmetic stories of one or two calculations, from stories.yaml.

python -m presets.stories.make

The same people, things and rules of drawing as the embedded model's problems (presets/tiny/problems.py), told for a model
that knows English. Each test row has its kind: new numbers alone, a wording that was never trained on, or a whole type.
"""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from presets.tiny.problems import Kind, Problem, Split, Story, draw, number_range, part

HERE = Path(__file__).parent
TRAIN = 2000
TEST: dict[Kind, int] = {"numbers": 280, "phrasing": 60, "type": 60}


def stories() -> list[Story]:
    book = yaml.safe_load((HERE / "stories.yaml").read_text(encoding="utf-8"))["stories"]
    return [_story(name, entry) for name, entry in book.items()]


def _story(name: str, entry: dict[str, object]) -> Story:
    steps: list[tuple[str, str, str, str]] = []
    for step in entry["steps"]:  # type: ignore[attr-defined]
        result, _, left, op, right = step.split()
        steps.append((result, left, op, right))
    numbers = {letter: number_range(bounds) for letter, bounds in entry["numbers"].items()}  # type: ignore[attr-defined]
    held_out = bool(entry.get("held_out"))
    return Story(name, (part(entry),), tuple(steps), numbers, shows_work=False, held_out=held_out)


def problems(seed: int, split: Split, kind: Kind = "numbers") -> Iterator[Problem]:
    """Endless different problems: the types in turn, everything else random but repeatable."""
    rng = random.Random(f"{seed}/{split}/{kind}")
    types = [story for story in stories() if story.held_out == (kind == "type")]
    drawn: set[str] = set()
    while True:
        rng.shuffle(types)
        for story in types:
            problem = draw(rng, story, split, unseen_wording=kind == "phrasing")
            if problem.question not in drawn:
                drawn.add(problem.question)
                yield problem


def first(count: int, drawn: Iterator[Problem]) -> list[Problem]:
    return [next(drawn) for _ in range(count)]


def write(file: Path, rows: Sequence[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    train = first(TRAIN, problems(0, "grpo"))
    write(HERE / "train.jsonl", [{"question": one.question, "answer": one.gsm8k()} for one in train])
    test = [(kind, one) for kind, count in TEST.items() for one in first(count, problems(1, "test", kind))]
    write(
        HERE / "test.jsonl",
        [{"question": one.question, "answer": one.gsm8k(), "kind": kind} for kind, one in test],
    )


if __name__ == "__main__":
    main()
