"""What is wrong with a file of problems is said before anything is trained. With the real short worker."""

import csv
import gzip
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grpo_space.config import RunConfig
from grpo_space.config_io import override, write_yaml
from grpo_space.errors import UserError
from grpo_space.hub_upload import Sent
from grpo_space.paths import data_file
from grpo_space.presets import read_preset
from grpo_space.runs import data_report
from grpo_space.runs.run import create_run
from grpo_space.tasks import dataset, memory_bound
from grpo_space.tasks.reading import ChooseColumnsError
from grpo_space.worker.data_report import report as worker_report
from tests.support.processes import ROOT, Cli, assert_refused

TINY = read_preset("tiny").run


def with_file(file: Path, *settings: str) -> RunConfig:
    return override(TINY, [f"data.path={file}", "evaluation.problems=20", "evaluation.probe_problems=0", *settings])


def written(file: Path, rows: list[dict[str, object]]) -> Path:
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def sums(count: int) -> list[dict[str, object]]:
    return [{"question": f"How much is {n} plus {n}?", "answer": 2 * n} for n in range(count)]


def test_what_cannot_be_kept_is_said_all_the_same(runs_root: Path, tmp_path: Path) -> None:
    """On a full disk a look at a file ended in a traceback, before anything said that the disk is full."""
    runs_root.mkdir(parents=True, exist_ok=True)
    (runs_root / "reports").write_text("stands where the folder should be")
    assert data_report.report(with_file(written(tmp_path / "mine.csv", sums(100)))).rows == 100


def test_everything_is_counted_at_once(runs_root: Path, tmp_path: Path) -> None:
    rows = sums(100)
    rows += [{**rows[0]}, {**rows[1], "answer": 7}, {"question": "Where?", "answer": "\\boxed{"}]
    rows += [{"question": f"How much is {'1 plus ' * 600}0?", "answer": 600}]
    config = with_file(written(tmp_path / "mine.csv", rows))
    assert data_report.held_out(config) is None
    assert data_report.held_out(TINY) == TINY.evaluation.problems
    found = data_report.report(config)
    assert data_report.held_out(config) == found.held_out
    assert (found.rows, found.problems, found.copies, found.contradictions, found.unmatched) == (104, 102, 1, 1, 1)
    assert (found.too_long, found.held_out + found.train) == (1, 103)
    assert found.first == (
        ("How much is 0 plus 0?", "0"),
        ("How much is 1 plus 1?", "2"),
        ("How much is 2 plus 2?", "4"),
    )
    said = " ".join(found.words())
    assert "CSV, separated by commas: 104 rows, 102 different problems." in said
    assert "1 are too long for data.max_prompt_length and left out." in said
    assert data_report.kept_report(config) == found
    assert dataset.load(config).summary.startswith("Read 104 problems from mine.csv: 84 to train on")


def test_a_test_file_is_counted_by_itself_and_what_both_files_hold(runs_root: Path, tmp_path: Path) -> None:
    """What is in both is not trained on: without a word of it the counts add up to nothing."""
    test = written(tmp_path / "test.csv", [*sums(60)[50:], *sums(310)[300:], *sums(310)[300:]])
    found = data_report.report(with_file(written(tmp_path / "mine.csv", sums(60)), f"data.test_path={test}"))
    assert (found.test_rows, found.test_problems, found.in_both, found.test_reading) == (30, 20, 10, "")
    assert (found.held_out, found.train) == (20, 50)
    said = " ".join(found.words())
    assert "60 rows, 60 different problems." in said
    assert "The test file: 30 rows, 20 different problems, of which the first file holds 10 too." in said
    assert said.endswith("20 held out, 50 left to train on.")


def test_a_test_file_that_is_read_otherwise_says_how(runs_root: Path, tmp_path: Path) -> None:
    test = written(tmp_path / "test.csv", [{"question": "Rings?", "A": "Mars", "B": "Saturn", "answer": "B"}])
    found = data_report.report(with_file(written(tmp_path / "mine.csv", sums(60)), f"data.test_path={test}"))
    said = " ".join(found.words())
    assert "The test file: 1 row, 1 different problem, of which the first file holds none. Read as multiple ch" in said


def test_what_is_left_to_train_on_says_that_it_counts_copies(runs_root: Path, tmp_path: Path) -> None:
    found = data_report.report(with_file(written(tmp_path / "mine.csv", sums(60) * 2)))
    assert found.held_out + found.train > found.problems
    assert found.words()[-1] == f"{found.held_out:,} held out, {found.train:,} left to train on, copies among them."


def test_nothing_is_said_of_a_tokenizer_where_the_rows_are_too_few(runs_root: Path, tmp_path: Path) -> None:
    found = data_report.report(with_file(written(tmp_path / "mine.csv", sums(2))))
    assert found.refusal
    assert "tokenizer" not in " ".join(found.words())
    assert "2 rows, 2 different problems." in found.words()[0]


def test_many_held_out_problems_are_looked_through_once(tmp_path: Path) -> None:
    """Half a minute where each of them was looked for in a set of all, made anew."""
    file = written(tmp_path / "mine.csv", sums(40_000))
    start = time.process_time()
    assert worker_report(with_file(file, "evaluation.problems=12000"))["held_out"] == 12_000
    assert time.process_time() - start < 10


def test_too_few_problems_are_refused_before_a_run_is_made(runs_root: Path, tmp_path: Path, cli: Cli) -> None:
    file = written(tmp_path / "mine.csv", sums(1) * 60)
    done = cli("train", "tiny", "--set", f"data.path={file}")
    assert done.returncode == 1
    assert (
        done.stderr == "data: 60 rows are 1 problem: at least 3 are needed, as some are held out for the evaluation\n"
    )
    assert not [path for path in runs_root.iterdir() if (path / "config.yaml").exists()]
    assert data_report.kept_refusal(with_file(file)) == ()


def test_columns_are_chosen_on_the_command_line(runs_root: Path, tmp_path: Path) -> None:
    file = written(tmp_path / "mine.csv", [{"Frage": row["question"], "Lösung": row["answer"]} for row in sums(60)])
    with pytest.raises(ChooseColumnsError) as caught:
        data_report.report(with_file(file))
    assert caught.value.columns == ("Frage", "Lösung")
    assert "there are Frage, Lösung; choose it with data.columns.question" in str(caught.value)
    found = data_report.report(with_file(file, "data.columns.question=Frage", "data.columns.answer=Lösung"))
    assert (found.problems, found.columns.question, found.columns.answer) == (60, "Frage", "Lösung")
    with pytest.raises(ChooseColumnsError, match=r"data.columns.answer: there is no column 'Losung': with values"):
        data_report.report(with_file(file, "data.columns.question=Frage", "data.columns.answer=Losung"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["data.generate=countdown"], "Reach the number"),
        (["data.id=a/b", "data.task=choice"], "by one of its options"),
        (["data.path={file}"], "step by step"),
    ],
)
def test_a_kind_of_answer_brings_its_system_prompt(
    settings: list[str], words: str, runs_root: Path, tmp_path: Path
) -> None:
    file = written(tmp_path / "mine.csv", sums(60))
    config = override(TINY, [*(each.format(file=file) for each in settings), "data.system_prompt=task"])
    assert words in (data_report.with_prompt(config).data.system_prompt or "")
    assert data_report.with_prompt(TINY) == TINY
    with pytest.raises(UserError, match="name the kind of answer of a/b"):
        data_report.with_prompt(override(TINY, ["data.id=a/b", "data.system_prompt=task"]))


@pytest.mark.parametrize("name", ["mine.csv", "mine.parquet", "mine.json", "mine.tsv.gz"])
def test_every_form_of_the_tiny_problems_is_the_same_training(name: str, tmp_path: Path) -> None:
    """To the digest of the rows and how they are shared out: so every step is the same one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = Path(data_file(TINY.data.path or "")).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    file = tmp_path / name
    if name.endswith(".parquet"):
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif name.endswith(".json"):
        file.write_text(json.dumps(rows))
    elif name.endswith(".gz"):
        written(tmp_path / "plain", rows)
        file.write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    else:
        written(file, rows)
    data = TINY.data.model_copy(update={"path": str(file)})
    assert dataset.load(TINY.model_copy(update={"data": data})).digest == dataset.load(TINY).digest


def test_fifty_megabytes_are_read_in_seconds_and_say_how_far_they_are(runs_root: Path, tmp_path: Path) -> None:
    file, filler = tmp_path / "large.jsonl", "x" * 2000
    with file.open("w") as opened:
        for n in range(25_000):
            print(json.dumps({"question": f"How much is {n} plus {n}? {filler}", "answer": 2 * n}), file=opened)
    assert file.stat().st_size > 50_000_000
    sent: list[Sent] = []
    began = time.monotonic()
    found = data_report.of_file(file, sent.append)
    assert found.problems == 25_000
    assert time.monotonic() - began < 60  # 6 on an idle machine
    assert {one.doing for one in sent} >= {"Reading", "Checking the answers of"}
    assert all(one.done <= one.total == file.stat().st_size for one in sent)


def test_a_file_that_grew_since_is_refused_by_the_training_too(runs_root: Path, tmp_path: Path, cli: Cli) -> None:
    """A run that is resumed looks at no file beforehand: its worker reads it, within the same bounds."""
    file = tmp_path / "mine.jsonl.gz"
    with gzip.open(file, "wb", compresslevel=1) as opened:
        opened.write(b'{"question": "')
        for _ in range(201):
            opened.write(b"a" * 2**20)
    assert file.stat().st_size < 2**20
    run = create_run(with_file(file))
    assert_refused(cli("resume", run.id), "mine.jsonl.gz: has more than 200 MB of rows, the most that is read")


def test_reading_leaves_the_limit_of_memory_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "q", "answer": "1", "more": [' + "[]," * 5_000_000 + "1]}\n")
    monkeypatch.setattr(memory_bound, "MEMORY", 128 * 2**20)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(UserError, match=r"^mine\.jsonl: takes more memory to read than rows of problems may"):
        dataset.load(with_file(file))
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_what_takes_too_much_memory_is_refused_and_ends_the_short_worker_alone(tmp_path: Path) -> None:
    """One row of 15 MB whose lists would take more; with less memory than in earnest, so that it is quick."""
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "q", "answer": "1", "more": [' + "[]," * 5_000_000 + "1]}\n")
    code = "from grpo_space.tasks import memory_bound as bound; from grpo_space.worker import data_report as made; "
    code += "bound.MEMORY = 128 * 2**20; made.main()"
    config = write_yaml(with_file(file))
    done = subprocess.run(
        [sys.executable, "-c", code], input=config, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "error": ["mine.jsonl: takes more memory to read than rows of problems may: take a part of it"]
    }
