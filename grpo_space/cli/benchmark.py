"""The commands benchmark and problems: base against tuned on several sets at once, and the sets made from a seed."""

import argparse
import json
from collections.abc import Iterator

from huggingface_hub import get_token
from rich.console import RenderableType

from grpo_space.cli.tables import table, text
from grpo_space.cli.terminal import print_json, show
from grpo_space.cli.to_the_end import follow_to_the_end
from grpo_space.errors import UserError
from grpo_space.planning import suite_cost
from grpo_space.results import suite as results
from grpo_space.runs import evaluations, suites
from grpo_space.runs.history import History
from grpo_space.runs.run import find_run
from grpo_space.tasks import suite


def benchmark(arguments: argparse.Namespace) -> int:
    """Shows a suite: the stored one, or a new one where there is none or it did not come to its end.

    Raises:
        UserError: where it cannot be measured.
    """
    run, asked = find_run(arguments.run), (arguments.suite, arguments.seed, arguments.limit)
    found = None if arguments.rerun else suites.stored(run, *asked)
    history = found[1] if found else None
    if history is None or not suites.is_done(history):
        if not arguments.json:
            show(text(suite_cost.words(arguments.suite, run.history(), run.config, arguments.limit)))
        offset = found[0].read()[1] if found else 0
        log = suites.begin(run, *asked, again=arguments.rerun, token=get_token())
        follow_to_the_end(run, log, arguments.json, offset)
        history = History.of(log.events())
    looks = evaluations.looks_at(run)
    if arguments.json:
        print_json({"run": run.id} | results.as_json(history, looks))
    else:
        for part in shown(history, looks):
            show(part)
    if suites.is_done(history):
        return 0
    why = history.end.message if history.end and history.end.message else "it was stopped, or killed"
    raise UserError(f"{run.id}: the suite did not come to its end: {why}; the same command takes it up")


def shown(history: History, looks: list[evaluations.Look]) -> Iterator[RenderableType]:
    """A suite as sentences and a table, the summary first; nothing where both models have not answered one set yet."""
    if not (measured := results.results(history, looks)):
        return
    summary, *more = results.words(history, looks)
    yield text(summary, style="bold")
    title = evaluations.name(evaluations.request_of(history))
    yield table(results.HEAD, results.rows(measured), title[0].upper() + title[1:])
    for sentence in more:
        yield text(sentence)
    for note in history.notes:
        yield text(f"Note: {note}", style="yellow")


def problems(arguments: argparse.Namespace) -> int:
    """Prints the problems of a set that is made from a seed, a JSON line each, as a file to evaluate or train on."""
    for row in suite.made(arguments.set, arguments.seed, arguments.count):
        line = {"question": row.question, "answer": row.gold, "kind": row.kind}
        if row.task == "instructions":
            line = dict(zip(("question", "rule", "value"), (row.question, *json.loads(row.details)), strict=True))
        print(json.dumps(line, ensure_ascii=False))
    return 0
