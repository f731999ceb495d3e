"""Looks at a dataset on the Hub: its configurations, its splits, and how its first rows are read.

python -m grpo_space.worker.hub_data     a config's YAML and perhaps a token on stdin, as JSON; lines of JSON on stdout

A process of its own with bounded memory, as for files; only the first rows are fetched.
"""

import itertools
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from grpo_space import hub
from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.tasks.dataset import why_not
from grpo_space.tasks.entries import Entry
from grpo_space.tasks.memory_bound import bounded_memory
from grpo_space.tasks.reading import SAMPLE, ChooseColumnsError, problems_in
from grpo_space.worker.data_report import FIRST

Say = Callable[[str], None]
"""Is told what is being done."""


def look(config: RunConfig, token: str | None, say: Say) -> dict[str, Any]:
    """The fields of `runs.hub_data.HubData`, as far as they are known where something has to be chosen first.

    Raises:
        UserError: where the dataset cannot be had.
    """
    import datasets

    data = config.data
    assert data.id is not None
    known = (*hub.SPOKEN, datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError)
    try:
        return _look(config, {"revision": data.revision, "token": token or False}, say)
    except known as raised:
        error = why_not(raised, data.id, token)
        raise UserError(hub.reading_failed(error, "data.id", data.id, "dataset", token, data.revision)) from None


def _look(config: RunConfig, options: dict[str, Any], say: Say) -> dict[str, Any]:
    import datasets

    data = config.data
    say("Asking for the configurations")
    found: dict[str, Any] = {"configs": datasets.get_dataset_config_names(data.id, **options)}
    name = data.name or datasets.get_dataset_default_config_name(data.id, **options)
    if name not in found["configs"]:
        has = f"has no configuration {data.name}" if data.name else "has several configurations"
        return found | {"problems": [f"data.name: {data.id} {has}: choose one of {', '.join(found['configs'])}"]}
    say(f"Asking for the splits of {name}")
    found["splits"] = datasets.get_dataset_split_names(data.id, name, **options)
    for field, split in (("split", data.split), ("test_split", data.test_split)):
        if split is not None and split not in found["splits"]:
            there = ", ".join(found["splits"])
            return found | {"problems": [f"data.{field}: {data.id} ({name}) has no split {split}: there are {there}"]}
    say(f"Fetching the first rows of {data.split}")
    stream = datasets.load_dataset(data.id, name, split=data.split, streaming=True, **options).decode(False)
    rows = enumerate(itertools.islice(stream, SAMPLE), start=1)
    try:
        read = problems_in((Entry(f"row {number}", row) for number, row in rows), data, f"data.id: {data.id}")
    except ChooseColumnsError as error:
        return found | {"columns": error.columns, "problems": error.problems}
    except UserError as error:
        return found | {"problems": error.problems}
    found |= {"of": f"{data.id}, configuration {name}, split {data.split}", "columns": read.names}
    if not read.rows:
        return found | {"problems": [f"data.id: {data.id} {data.split}: {(*read.wrong, 'has no rows')[0]}"]}
    count = f"{len(read.wrong)} of the first {len(read.wrong) + len(read.rows)} rows"
    fault = f"{count} are no problems with answers: {read.wrong[0]}." if read.wrong else ""
    return found | {
        "first": [(row.question, row.gold) for row in read.rows[:FIRST]], "reading": read.reading(), "fault": fault
    }  # fmt: skip


def main() -> None:
    """Reads what to look at from stdin and prints how far it is, and what was found or is wrong."""
    stdout = os.dup(1)
    os.dup2(2, 1)  # libraries print: stdout is for the answer alone
    os.environ["USE_TORCH"] = "0"  # rows need none, and its import takes longer than all else
    with os.fdopen(stdout, "w") as file:

        def send(message: dict[str, Any]) -> None:
            print(json.dumps(message), file=file, flush=True)

        try:
            asked = json.load(sys.stdin)
            config = parse(parse_yaml(asked["config"], "config"))
            with bounded_memory("data.id"):
                send(look(config, asked["token"], lambda doing: send({"doing": doing})))
        except UserError as error:
            send({"error": error.problems})


if __name__ == "__main__":
    main()
