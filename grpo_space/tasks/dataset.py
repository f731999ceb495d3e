"""From a dataset to the problems to train on, to probe with and to evaluate on. No torch: its errors come first."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grpo_space import hub
from grpo_space.config import GSM8K, RunConfig, TaskName
from grpo_space.errors import UserError
from grpo_space.formatting import counted
from grpo_space.paths import data_file
from grpo_space.tasks import data_faults
from grpo_space.tasks.data_faults import same
from grpo_space.tasks.entries import Entry
from grpo_space.tasks.generated import generated
from grpo_space.tasks.problems import Row, digest
from grpo_space.tasks.reading import Problems, problems_in, read, read_file

MOST_LOST = 0.01
"""The share of a Hub dataset's rows that may be no problems."""
PLAIN = (("question", "answer"), ("problem", "solution"))
"""Columns that need no word: GSM8K's and MATH's."""


@dataclass(frozen=True)
class Rows:
    train: list[Row]
    probe: list[Row]
    test: list[Row]
    commit: str
    summary: str
    """What was read and how it was shared out, in a sentence."""

    @property
    def task(self) -> TaskName:
        """The kind of answer that the problems have."""
        return next((row.task for row in (*self.test, *self.train)), "number")

    @property
    def digest(self) -> str:
        """Of every problem and of which share it is in: another split must not be taken for this one."""
        shares = [[row.identity for row in share] for share in (self.train, self.probe, self.test)]
        return digest(json.dumps(shares).encode())


def load(config: RunConfig, token: str | None = None) -> Rows:
    """`token`: to read a dataset of the Hub with, if it asks for one.

    Raises:
        UserError: naming the file and the lines that are wrong.
    """
    data = config.data
    if data.generate is not None:
        pool, held_out = generated(config)
        name = f"{data.generate}, difficulty {data.difficulty}"
        commit = digest(json.dumps([row.identity for row in (*pool, *held_out)]).encode())
        return share_out(pool, held_out, config, name, commit, held_out=", which no step sees.")
    if data.path is not None:
        source = data_file(data.path)
        found, name, commit = read(source, data), source.name, digest_of(source)
        test = read_file(data_file(data.test_path, "data.test_path"), data) if data.test_path else None
    else:
        assert data.id is not None
        found, commit = read_hub(config, data.split, token)
        name, test = data.id, read_hub(config, data.test_split, token)[0].rows if data.test_split else None
        if found.wrong:
            name += f" ({len(found.wrong)} more have no answer that could be read)"
    return share_out(found.rows, test, config, name, commit, notes(found))


def to_evaluate(config: RunConfig, token: str | None = None) -> Rows:
    """The problems of an evaluation without a training: the test problems that the data names, else those that a
    training would hold out.

    Raises:
        UserError: naming the file and the lines that are wrong.
    """
    data, wanted = config.data, config.evaluation.problems
    if data.test_path is None and data.test_split is None:
        shared = load(config, token)
        return replace(shared, train=[], probe=[])
    lost = 0
    if data.test_path is not None:
        source = data_file(data.test_path, "data.test_path")
        found, name, commit = read(source, data), source.name, digest_of(source)
    else:
        assert data.id is not None
        assert data.test_split is not None
        found, commit = read_hub(config, data.test_split, token)
        name, lost = f"{data.id} ({data.test_split})", len(found.wrong)
    rows = found.rows
    test = by_hash(rows)[:wanted]
    summary = f"Read {counted(len(rows), 'problem')} from {name}: {len(test):,} to evaluate on."
    summary += f" {lost} more have no answer that could be read." if lost else ""
    if faults := data_faults.words(rows):
        summary += f" {faults}"
    return Rows([], [], test, commit, summary + notes(found))


def notes(found: Problems) -> str:
    """How problems were read, where that is not plain: which columns, and in what form. With a space before it."""
    plain = found.task == "number" and (found.columns.question, found.columns.answer) in PLAIN
    reading = f" {found.reading()}" if found.doubt or not plain else ""
    return reading + (f" The file is {found.form}." if "guess" in found.form else "")


def digest_of(file: Path) -> str:
    """The digest of a file's content, without holding all of it in memory."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]


def share_out(
    rows: list[Row],
    test: list[Row] | None,
    config: RunConfig,
    name: str,
    commit: str,
    notes: str = "",
    held_out: str = " from a file of their own.",
) -> Rows:
    """Problems are held out by a hash of their text: the same for every seed, and never one of them in training.
    `held_out`: where `test` comes from, in words.
    """
    own_test = test is not None
    pool = by_hash(rows)
    wanted = config.evaluation.problems
    if test is None:
        if len(pool) < 3:
            are = f"{len(rows):,} row{'s are' if len(rows) > 1 else ' is'} {len(pool)} problem{'s' * (len(pool) > 1)}"
            raise UserError(f"data: {are}: at least 3 are needed, as some are held out for the evaluation")
        count = min(wanted, len(pool) // 3)
        test, pool = pool[:count], pool[count:]
    else:
        test = by_hash(test)[:wanted]
        pool = without(pool, test)
    probes = min(config.evaluation.probe_problems, len(pool) // 10)
    probe, pool = pool[:probes], pool[probes:]
    train = without(rows, [*test, *probe])
    enough(train, test, config)
    summary = f"Read {counted(len(rows), 'problem')} from {name}: {len(train):,} to train on, "
    summary += f"{len(probe)} for the probe, {len(test)} to evaluate on"
    summary += held_out if own_test else ", held out of it."
    if len(test) < wanted:
        summary += f" evaluation.problems asks for {wanted}: there are no more."
    if faults := data_faults.words([*rows, *(test if own_test else [])]):
        summary += f" {faults}"
    return Rows(train, probe, test, commit, summary + notes)


def others(name: str, config: RunConfig, limit: int | None, token: str | None = None) -> list[Row]:
    """Problems to evaluate on that are not the run's own: GSM8K's test, or a file's; of several the first `limit` by a
    hash of their text, which is a sample, and the same for everybody.

    Raises:
        UserError: where they cannot be had.
    """
    if name == "gsm8k-test":
        revision = config.data.revision if config.data.id == GSM8K.id else None
        gsm8k = GSM8K.model_copy(update={"revision": revision})
        rows = read_hub(config.model_copy(update={"data": gsm8k}), "test", token)[0].rows
    else:
        rows = read_file(Path(name))  # its own kind, which need not be that of the run
    return by_hash(rows)[:limit]


def enough(train: Sequence[Row], test: Sequence[Row], config: RunConfig) -> None:
    prompts = config.grpo.completions_per_step // config.grpo.num_generations
    if len(train) < prompts:
        raise UserError(f"data: only {len(train)} problems to train on; one step needs {prompts} different ones")
    if not test:
        raise UserError("data: too few problems to hold any out for the evaluation: 3 are the least")


def by_hash(rows: Iterable[Row]) -> list[Row]:
    unique = {same(row): row for row in rows}
    return sorted(unique.values(), key=lambda row: digest(row.question.encode()))


def without(rows: Iterable[Row], others: Iterable[Row]) -> list[Row]:
    taken = {same(row) for row in others}
    return [row for row in rows if same(row) not in taken]


def read_hub(config: RunConfig, split: str, token: str | None = None) -> tuple[Problems, str]:
    """Problems, less the rows that are none, and the dataset's commit: who reads a dataset of others cannot mend it.

    Raises:
        UserError: where the dataset cannot be had, has other columns, or more than a hundredth of it is no problem.
    """
    import datasets

    data = config.data
    assert data.id is not None
    try:
        table = datasets.load_dataset(data.id, data.name, split=split, revision=data.revision, token=token or False)
    except (*hub.SPOKEN, OSError, ValueError) as raised:
        error = why_not(raised, data.id, token)
        raise UserError(hub.reading_failed(error, "data.id", data.id, "dataset", token, data.revision)) from None
    entries = (Entry(f"row {number}", record) for number, record in enumerate(table))
    found = problems_in(entries, data, f"data.id: {data.id}")
    if len(found.wrong) > MOST_LOST * len(table):
        count = f"{len(found.wrong):,} of {len(table):,} rows"
        raise UserError(f"data.id: {data.id} {split}: {count} are no problems with answers: {found.wrong[0]}")
    return found, commit_of(table)


def why_not(raised: Exception, name: str, token: str | None) -> Exception:
    """`datasets` says of whatever is gated, private or missing that it is not there: so the Hub is asked."""
    try:
        hub.api(token).auth_check(name, repo_type="dataset")
    except hub.SPOKEN as error:
        return error
    return raised


def commit_of(table: Any) -> str:
    """The commit on the Hub of which `datasets` made this table: it names the folder so. Works without a network."""
    return Path(table.cache_files[0]["filename"]).parent.name if table.cache_files else ""
