"""Looks at a dataset on the Hub: its configurations, its splits, and how its first rows are read.

python -m grpo_space.worker.hub_data     a config's YAML and perhaps a token on stdin, as JSON; lines of JSON on stdout
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
from grpo_space.tasks.reading import SAMPLE, ChooseColumnsError, problems_in
from grpo_space.tasks.table_file import Entry

FIRST = 3
"""Rows that are shown."""
Send = Callable[[dict[str, Any]], None]


def look(config: RunConfig, token: str | None, send: Send) -> dict[str, Any]:
    """The fields of `runs.hub_data.HubData`. Of the rows only the first are fetched.

    Raises:
        UserError: where the dataset cannot be had, or has no such configuration or split.
    """
    import datasets

    data = config.data
    assert data.id is not None
    options: dict[str, Any] = {"revision": data.revision, "token": token or False}
    try:
        send({"doing": "Asking for the configurations"})
        names = datasets.get_dataset_config_names(data.id, **options)
        name = data.name if data.name in names else names[0] if len(names) == 1 or not data.name else None
        if name is None:
            raise UserError(f"data.name: {data.id} has no configuration {data.name}: there are {', '.join(names)}")
        send({"doing": f"Asking for the splits of {name}"})
        splits = datasets.get_dataset_split_names(data.id, name, **options)
        found = {"configs": names, "name": name, "splits": splits}
        for field, split in (("split", data.split), ("test_split", data.test_split)):
            if split is not None and split not in splits:
                there = ", ".join(splits)
                return {**found, "problems": [f"data.{field}: {data.id} has no split {split}: there are {there}"]}
        send({"doing": f"Fetching the first rows of {data.split}"})
        stream = datasets.load_dataset(data.id, name, split=data.split, streaming=True, **options)
        entries = (Entry(f"row {number}", row) for number, row in enumerate(itertools.islice(stream, SAMPLE)))
        try:
            read = problems_in(entries, data, f"data.id: {data.id}")
        except ChooseColumnsError as error:
            return {**found, "columns": error.columns, "problems": error.problems}
        first = [(row.question, row.gold) for row in read.rows[:FIRST]]
        faults = [f"Of the first {SAMPLE} rows {len(read.wrong)} are none: {wrong}" for wrong in read.wrong[:1]]
        return {
            **found, "columns": read.names, "first": first, "reading": read.reading(),
            "faults": faults,
        }  # fmt: skip
    except (*hub.SPOKEN, OSError, ValueError) as raised:
        cause = why_not(raised, data.id, token)
        raise UserError(hub.reading_failed(cause, "data.id", data.id, "dataset", token, data.revision)) from None


def main() -> None:
    """Reads what to look at from stdin and prints how far it is, and what was found or is wrong."""
    stdout = os.dup(1)
    os.dup2(2, 1)  # libraries print: stdout is for the answer alone
    with os.fdopen(stdout, "w") as file:

        def send(message: dict[str, Any]) -> None:
            print(json.dumps(message), file=file, flush=True)

        try:
            asked = json.load(sys.stdin)
            send(look(parse(parse_yaml(asked["config"], "config")), asked["token"], send))
        except UserError as error:
            send({"error": error.problems})


if __name__ == "__main__":
    main()
