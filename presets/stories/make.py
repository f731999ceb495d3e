"""Writes train.jsonl and test.jsonl: everyday arithmetic stories of one or two calculations, from stories.yaml.

python -m presets.stories.make

Drawn like the embedded model's problems (presets/tiny/problems.py), but told for a model that knows English. Each test
row has its kind: new numbers alone, a wording that was never trained on, or a whole type.
"""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from presets.tiny.problems import Kind, problems

HERE = Path(__file__).parent
BOOK = HERE / "stories.yaml"
TRAIN = 2000
TEST: dict[Kind, int] = {"numbers": 280, "phrasing": 60, "type": 60}


def write(file: Path, rows: Sequence[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main() -> None:
    train = islice(problems(0, "grpo", book=BOOK), TRAIN)
    write(HERE / "train.jsonl", [{"question": one.question, "answer": one.gsm8k()} for one in train])
    test = [(kind, one) for kind, count in TEST.items() for one in islice(problems(1, "test", kind, BOOK), count)]
    rows = [{"question": one.question, "answer": one.gsm8k(), "kind": kind} for kind, one in test]
    write(HERE / "test.jsonl", rows)


if __name__ == "__main__":
    main()
