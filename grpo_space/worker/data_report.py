"""Looks at a file of problems before anything is trained: what is read of it, and what is left to train on.

python -m grpo_space.worker.data_report     a config's YAML on stdin, JSON on stdout

A process of its own with bounded memory: whatever a file unpacks to, the app and its runs go on.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.paths import data_file
from grpo_space.tasks import chat_template, data_faults, dataset
from grpo_space.tasks.kinds import task_of
from grpo_space.tasks.memory_bound import bounded_memory
from grpo_space.tasks.problems import Row, messages
from grpo_space.tasks.reading import ChooseColumnsError, read
from grpo_space.worker.preview import load_tokenizer

FIRST = 3
"""Rows that are shown."""
TEMPLATE = 200
"""Tokens that a chat template may add to a question, at the most."""
EVERY_SECONDS = 0.3
Send = Callable[[dict[str, Any]], None]


def report(config: RunConfig, send: Send = lambda message: None) -> dict[str, Any]:
    """What a file holds, in counts and words: the fields of `runs.data_report.DataReport`."""
    data = config.data
    source = data_file(data.path or "")
    size, last = source.stat().st_size, [0.0]

    def progress(done: int) -> None:
        if time.monotonic() - last[0] > EVERY_SECONDS:
            last[0] = time.monotonic()
            send({"doing": "Reading", "file": source.name, "done": done, "total": size})

    found = read(source, data, progress)
    test = read(data_file(data.test_path, "data.test_path"), data) if data.test_path else None
    rows = found.rows
    send({"doing": "Checking the answers of", "file": source.name, "done": size, "total": size})
    faults = data_faults.find([*rows, *(test.rows if test else [])])
    answer: dict[str, Any] = {
        "form": found.form, "names": found.names, "task": found.task, "columns": found.columns.model_dump(),
        "rows": len(rows), "problems": len({data_faults.same(row) for row in rows}),
        "copies": faults.copies, "contradictions": faults.contradictions, "unmatched": faults.unmatched,
        "faults": faults.words(), "reading": found.reading(), "guess": task_of(rows[0]).guess(rows[0]),
        "first": [(row.question, row.gold) for row in rows[:FIRST]],
    }  # fmt: skip
    if test is not None:
        asked = {data_faults.same(row) for row in test.rows}
        in_both = len(asked.intersection(map(data_faults.same, rows)))
        answer |= {
            "test_rows": len(test.rows), "test_problems": len(asked), "in_both": in_both,
            "test_reading": test.reading() if test.task != found.task or test.columns != found.columns else "",
        }  # fmt: skip
    try:
        shared = dataset.share_out(rows, test.rows if test else None, config, source.name, "")
        long = too_long([*shared.train, *shared.probe, *shared.test], config)
        answer |= {"too_long": None if long is None else len(long)}
        train, probed, tested = (
            [row for row in share if row not in (long or ())] for share in (shared.train, shared.probe, shared.test)
        )
        answer |= {"train": len(train), "held_out": len(probed) + len(tested)}
        dataset.enough(train, tested, config)
    except UserError as error:
        answer["refusal"] = list(error.problems)
    return answer


def too_long(rows: Sequence[Row], config: RunConfig) -> set[Row] | None:
    """The problems whose prompts are too long; None where the model's tokenizer is not on this machine. A token is a
    byte at the least: short questions are not even counted.
    """
    system, most = config.data.system_prompt, config.data.max_prompt_length
    room = most - TEMPLATE - len((system or "").encode())
    candidates = [row for row in rows if len(row.question.encode()) > room]
    if not candidates:
        return set()
    try:
        tokenizer = load_tokenizer(config.model)
        fold = chat_template.folds_system(tokenizer)
    except UserError:
        return None
    long = set()
    for row in candidates:
        prompt = messages(row.question, system, fold=fold)
        if len(tokenizer.apply_chat_template(prompt, add_generation_prompt=True, return_dict=False)) > most:
            long.add(row)
    return long


def main() -> None:
    """Reads a config from stdin and prints what is found, a line of JSON each for how far it is, or what is wrong."""
    stdout = os.dup(1)
    os.dup2(2, 1)  # libraries print: stdout is for the answer alone
    os.environ["HF_HUB_OFFLINE"] = "1"  # a look waits for nobody
    with os.fdopen(stdout, "w") as file:

        def send(message: dict[str, Any]) -> None:
            print(json.dumps(message), file=file, flush=True)

        try:
            config = parse(parse_yaml(sys.stdin.read(), "config"))
            with bounded_memory("data.path"):
                send(report(config, send))
        except ChooseColumnsError as error:
            send({"error": error.problems, "columns": error.columns})
        except UserError as error:
            send({"error": error.problems})


if __name__ == "__main__":
    main()
