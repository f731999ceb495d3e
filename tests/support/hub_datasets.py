"""Datasets on the local Hub of the tests."""

import json
from pathlib import Path

from tests.support.hub_store import Hub

README = """---
configs:
- config_name: easy
  data_files:
  - {split: train, path: easy/train.jsonl}
  - {split: test, path: easy/test.jsonl}
- config_name: odd
  data_files:
  - {split: train, path: odd/train.jsonl}
---
"""


def science(hub: Hub, folder: Path, **how: bool) -> None:
    """`owner/science` has two configurations: `easy` with two splits, and `odd`, whose columns nobody knows."""
    rows: list[dict[str, object]] = [{"question": f"{n}?", "choices": ["a", "b", "c"], "answer": 1} for n in range(5)]
    odd: list[dict[str, object]] = [{"Frage": f"Was ist {n}?", "Antwort": n, "<img src=x>": None} for n in range(5)]
    files: dict[str, list[dict[str, object]]] = {
        "easy/train.jsonl": rows,
        "easy/test.jsonl": rows[:2],
        "odd/train.jsonl": odd,
    }
    for name, lines in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "README.md").write_text(README)
    hub.upload("owner/science", folder, "dataset", **how)
