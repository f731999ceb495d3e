import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.config import RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.grading.equations import check_equations
from grpo_space.paths import PROJECT
from grpo_space.tasks import dataset
from grpo_space.tasks import problems as problems_module
from grpo_space.tasks.dataset import share_out
from grpo_space.tasks.problems import Row, messages
from grpo_space.tasks.reading import read_file

GSM8K = PROJECT.parent / "shared" / "data" / "gsm8k"


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def config(**sections: Any) -> RunConfig:
    return parse({"model": {"id": "m"}, "data": {"path": "x"}, **sections})


def problems(count: int, start: int = 0) -> list[Row]:
    return [Row(f"How much is {n} plus {n}?", str(2 * n)) for n in range(start, start + count)]


def questions(rows: list[Row]) -> set[str]:
    return {row.question for row in rows}


def refusal(file: Path) -> tuple[str, ...]:
    with pytest.raises(UserError) as caught:
        read_file(file)
    return caught.value.problems


# Reading


def test_gsm8ks_rows_are_read(tmp_path: Path) -> None:
    solution = "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n#### 1,072"
    [row] = read_file(written(tmp_path / "a.jsonl", {"question": "How many?", "answer": solution, "id": 5}))
    assert row == Row("How many?", "1,072", steps=1)
    assert row.calculations() == 1


def test_equations_are_counted_where_they_are_asked_for_and_not_while_rows_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 500,000 rows a few are held out."""
    counted = Mock(wraps=check_equations)
    monkeypatch.setattr(problems_module, "check_equations", counted)
    solution = "48 / 2 = 24 clips in May.\n48 + 24 = 72 in all.\n#### 72"
    rows = read_file(written(tmp_path / "a.jsonl", *({"question": f"{i}?", "answer": solution} for i in range(9))))
    shared = share_out(rows, None, config(), "a.jsonl", "")
    assert counted.call_count == 0
    assert [row.calculations() for row in shared.test] == [2, 2, 2]
    assert counted.call_count == 3


@pytest.mark.parametrize(
    ("solution", "gold"),
    [
        ("We add:\n\\[1 + 1 = \\boxed{2}.\\]", "2"),
        ("So $x = \\boxed{\\frac{\\sqrt{3}}{2}}$, not $\\sqrt{3}$.", "\\frac{\\sqrt{3}}{2}"),
        ("First $\\boxed{3}$ fit.\nThen it is $\\boxed 7$.", "7"),
        ("Thus the answer is $\\fbox{C}$.\nSo we are done.", "C"),
    ],
)
def test_maths_rows_are_read(tmp_path: Path, solution: str, gold: str) -> None:
    """Its columns have other names, the answer stands in a box, and the level is the label."""
    record = {"problem": "What?", "level": "Level 5", "type": "Algebra", "solution": solution}
    [row] = read_file(written(tmp_path / "a.jsonl", record))
    assert row == Row("What?", gold, "Level 5")
    [row] = read_file(written(tmp_path / "a.jsonl", {**record, "level": 5, "answer": gold}))
    assert row == Row("What?", gold, "Level 5")


@pytest.mark.parametrize("thought", ["<think>\nMaybe \\boxed{5}?\n</think>\n", "#### 5? No.\n<|end_of_thought|>\n\n"])
@pytest.mark.parametrize("answer", ["4", "**4**", "So it is\n\\boxed{4}", "The answer is 4.", "2 + 2 = 4\n#### 4"])
def test_what_a_reasoning_model_thought_is_not_its_answer(tmp_path: Path, thought: str, answer: str) -> None:
    [row] = read_file(written(tmp_path / "a.jsonl", {"prompt": "2 + 2?", "completion": thought + answer}))
    assert row.gold.strip("*") == "4"
    assert refusal(written(tmp_path / "b.jsonl", {"prompt": "2 + 2?", "completion": thought})) == (
        "b.jsonl line 1: has no answer that is marked: end its solution with #### 6 or \\boxed{6}, say",
    )


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("42", "42"),
        (" 42 ", "42"),
        (42, "42"),
        (0, "0"),
        (-3, "-3"),
        (2.5, "2.5"),
        ("x + 1", "x + 1"),
        (3.0, "3.0"),
        ([2], "2"),
        ([2.5], "2.5"),
        (0.1 + 0.2, "0.3"),
        (3 - 4e-16, "3"),
        (-0.1 - 0.2, "-0.3"),
        ("0.30000000000000004", "0.3"),
        ("So it is.\n#### 2.9999999999999996", "3"),
        (100.00000000000001, "100"),
        (1 / 3, "0.3333333333333333"),
        ("3.14159265358979", "3.14159265358979"),
        ("3.141592653589793", "3.141592653589793"),
        (1e22, "1e+22"),
        ("0.30000000000000000", "0.30000000000000000"),
        ("1000000000000001", "1000000000000001"),
    ],
)
def test_a_bare_answer_is_one_too(tmp_path: Path, answer: object, gold: str) -> None:
    [row] = read_file(written(tmp_path / "a.jsonl", {"question": "q", "answer": answer}))
    assert row.gold == gold


def test_the_problems_own_label_is_kept(tmp_path: Path) -> None:
    [row] = read_file(written(tmp_path / "a.jsonl", {"question": "q", "answer": "1", "kind": "type"}))
    assert row.kind == "type"


def test_a_file_from_windows_is_read(tmp_path: Path) -> None:
    """With a byte order mark, CRLF, empty lines and no newline at its end."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"question": "a", "answer": "1"}\r\n\r\n  \r\n{"question": "b", "answer": "2"}')
    assert read_file(file) == [Row("a", "1"), Row("b", "2")]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x7f"])
def test_a_line_separator_within_a_question_ends_no_line(tmp_path: Path, separator: str) -> None:
    record = {"question": f"one{separator}two", "answer": f"so{separator}\n#### 3"}
    (tmp_path / "a.jsonl").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    assert read_file(tmp_path / "a.jsonl") == [Row(record["question"], "3")]


@given(question=st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip), escaped=st.booleans())
def test_any_question_is_read_as_it_was(tmp_path_factory: pytest.TempPathFactory, question: str, escaped: bool) -> None:
    file = tmp_path_factory.mktemp("data") / "a.jsonl"
    file.write_text(
        json.dumps({"question": question, "answer": "1"}, ensure_ascii=escaped), encoding="utf-8", newline=""
    )
    assert read_file(file) == [Row(question, "1")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{question: 1}", "is not JSON"),
        ('{"question": "q", "answer": "1"', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"question": "q", "answer": ' + "9" * 5000 + "}", "is not JSON"),
        ('["q", "1"]', "is not an object with question and answer"),
        ("null", "is not an object with question and answer"),
        ('{"answer": "1"}', "has no question"),
        ('{"question": " ", "answer": "1"}', "has no question"),
        ('{"question": ["q"], "answer": "1"}', "has no question"),
        ('{"question": "q"}', "has no answer"),
        ('{"question": "q", "answer": ""}', "has no answer"),
        ('{"question": "q", "answer": "so it is\\n####"}', "has no answer"),
        ('{"question": "q", "answer": null}', "has no answer"),
        ('{"question": "q", "answer": true}', "has no answer"),
        ('{"question": "q", "answer": {"a": 1}}', "has no answer"),
        ('{"question": "q", "answer": NaN}', "has no answer: nan is not a number"),
        ('{"question": "q \\ud83d", "answer": "1"}', "has half a character"),
    ],
)
def test_a_line_that_is_no_problem_is_named(tmp_path: Path, line: str, reason: str) -> None:
    good = '{"question": "q", "answer": "1"}'
    (tmp_path / "rows.jsonl").write_text(f"{good}\n\n{line}\n{good}\n")
    [problem] = refusal(tmp_path / "rows.jsonl")
    assert problem.startswith(f"rows.jsonl line 3: {reason}")


def test_many_bad_lines_are_counted_and_the_first_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("nonsense\n" * 12)
    lines = refusal(tmp_path / "rows.jsonl")
    assert len(lines) == 6
    assert lines[0] == "rows.jsonl line 1: is not JSON"
    assert lines[-1] == "rows.jsonl: and 7 more lines"
    (tmp_path / "rows.jsonl").write_text("nonsense\n" * 6)
    assert refusal(tmp_path / "rows.jsonl")[-1] == "rows.jsonl: and 1 more line"


@pytest.mark.parametrize(
    "garbage", [bytes(range(256)) * 50, b"\x7fELF\x02\x01\x01\x00" * 9, b"\xff\xfe\x00\xd8\n", b"\x00" * 50]
)
def test_a_file_that_is_no_text_is_refused(tmp_path: Path, garbage: bytes) -> None:
    (tmp_path / "rows.jsonl").write_bytes(garbage)
    assert all(line.startswith("rows.jsonl") for line in refusal(tmp_path / "rows.jsonl"))


@given(st.binary(max_size=200))
def test_no_file_is_a_crash(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("data") / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(UserError):
        read_file(file)


def test_a_file_of_nothing_but_space_holds_no_problems(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("\n  \n")
    assert refusal(tmp_path / "rows.jsonl") == ("rows.jsonl: holds no problems",)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("none.jsonl", "is not a file"), (".", "is not a file"), ("empty.jsonl", "is empty")],
)
def test_a_missing_or_empty_file_is_named(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "empty.jsonl").touch()
    path = str(tmp_path / name)
    with pytest.raises(UserError) as caught:
        dataset.load(config(data={"path": path}))
    assert caught.value.problems == (f"data.path: {path} {problem}",)
    good = written(tmp_path / "good.jsonl", *({"question": f"q{n}", "answer": n} for n in range(20)))
    with pytest.raises(UserError) as caught:
        dataset.load(config(data={"path": str(good), "test_path": path}))
    assert caught.value.problems == (f"data.test_path: {path} {problem}",)


# Sharing out


@pytest.mark.parametrize("own_test", [False, True])
def test_the_same_problems_are_held_out_for_every_seed_and_order(own_test: bool) -> None:
    rows, test = problems(500), problems(100, start=1000) if own_test else None
    shared = [share_out(rows, test, config(seed=seed, evaluation={"problems": 50}), "f", "c") for seed in (0, 7)]
    shared.append(share_out(rows[::-1], test and test[::-1], config(evaluation={"problems": 50}), "f", "c"))
    assert shared[0].test == shared[1].test == shared[2].test
    assert shared[0].probe == shared[1].probe == shared[2].probe
    assert len(shared[0].test) == 50


@given(
    st.lists(st.integers(0, 60), min_size=30, max_size=120),
    st.none() | st.lists(st.integers(0, 60), min_size=1, max_size=40),
    st.integers(1, 80),
    st.integers(0, 20),
)
def test_what_is_held_out_is_never_trained_on(
    numbers: list[int], test_numbers: list[int] | None, wanted: int, probes: int
) -> None:
    """Not even as a copy, whatever doubles there are in the files and between them."""
    rows = [Row(f"Question {n}", str(n)) for n in numbers]
    test = None if test_numbers is None else [Row(f"Question {n}", str(n)) for n in test_numbers]
    settings = config(evaluation={"problems": wanted, "probe_problems": probes})
    try:
        shared = share_out(rows, test, settings, "f", "c")
    except UserError:
        return
    train, probe, held_out = questions(shared.train), questions(shared.probe), questions(shared.test)
    assert not train & probe
    assert not train & held_out
    assert not probe & held_out
    assert len(shared.test) == len(held_out) <= wanted
    assert len(shared.probe) == len(probe) <= probes


def test_a_copy_in_other_spaces_and_capitals_is_a_copy() -> None:
    rows = problems(60)
    copies = [Row(f"  {row.question.upper()}\n", row.gold) for row in rows]
    shared = share_out(rows + copies, None, config(evaluation={"problems": 20, "probe_problems": 5}), "f", "c")
    held_out = {row.question.strip().upper() for row in [*shared.test, *shared.probe]}
    assert not held_out & {row.question.strip().upper() for row in shared.train}


def test_the_same_file_twice_trains_on_nothing_that_it_tests() -> None:
    rows = problems(100)
    shared = share_out(rows, rows, config(evaluation={"problems": 40}), "f", "c")
    assert len(shared.test) == 40
    assert not questions(shared.test) & (questions(shared.train) | questions(shared.probe))


def test_it_says_what_was_read_and_how_it_was_shared_out() -> None:
    told = share_out(problems(1500), None, config(evaluation={"problems": 100}), "mine.jsonl", "c").summary
    assert told == (
        "Read 1,500 problems from mine.jsonl: 1,368 to train on, 32 for the probe, 100 to evaluate on, held out of it."
    )
    told = share_out(problems(50), problems(10, start=90), config(), "mine.jsonl", "c").summary
    assert "10 to evaluate on from a file of their own. evaluation.problems asks for 300: there are no more." in told


def test_at_most_a_third_is_held_out() -> None:
    shared = share_out(problems(90), None, config(evaluation={"problems": 300, "probe_problems": 0}), "f", "c")
    assert (len(shared.test), len(shared.probe), len(shared.train)) == (30, 0, 60)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (problems(1), "1 row is 1 problem"),
        (problems(2), "2 rows are 2 problems"),
        (problems(1) * 60, "60 rows are 1 prob"),
    ],
)
def test_too_few_to_hold_any_out(rows: list[Row], words: str) -> None:
    with pytest.raises(UserError, match=f"data: {words}.*: at least 3 are needed"):
        share_out(rows, None, config(), "f", "c")


def test_too_few_for_one_step() -> None:
    with pytest.raises(UserError, match="only 8 problems to train on; one step needs 16 different ones"):
        share_out(problems(12), None, config(grpo={"per_device_train_batch_size": 128}), "f", "c")


def test_the_commit_of_a_file_is_of_its_content(tmp_path: Path) -> None:
    lines = [{"question": f"q{n}", "answer": n} for n in range(30)]
    one, two = written(tmp_path / "one.jsonl", *lines), written(tmp_path / "two.jsonl", *lines)
    other = written(tmp_path / "other.jsonl", *lines, {"question": "new", "answer": 1})
    commits = [dataset.load(config(data={"path": str(file)})).commit for file in (one, two, other)]
    assert commits[0] == commits[1] != commits[2]


@pytest.mark.parametrize("system_prompt", [None, "Think."])
def test_the_prompt_is_a_conversation(system_prompt: str | None) -> None:
    asked = messages("How many?", system_prompt)
    assert asked[-1] == {"role": "user", "content": "How many?"}
    assert [message["content"] for message in asked[:-1]] == ([system_prompt] if system_prompt else [])


@pytest.mark.skipif(not GSM8K.is_dir(), reason="no ../shared/data/gsm8k")
def test_all_of_gsm8k_is_read() -> None:
    rows = dataset.load(config(data={"path": str(GSM8K / "train.jsonl")}))
    assert rows.summary.startswith("Read 7,473 problems from train.jsonl: ")
    assert len(rows.test) == 300
    assert all(row.gold.replace(",", "").lstrip("-").replace(".", "").isdigit() for row in rows.train)
    assert len(read_file(GSM8K / "test.jsonl")) == 1319
