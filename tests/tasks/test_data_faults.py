"""Contradictions, copies and answers that nothing matches are counted before a run trains on them."""

from pathlib import Path

import pytest

from grpo_space.config import ColumnsSection
from grpo_space.paths import PROJECT
from grpo_space.tasks import data_faults
from grpo_space.tasks.dataset import share_out
from grpo_space.tasks.kinds import task_of
from grpo_space.tasks.own import OWN
from grpo_space.tasks.problems import Row
from grpo_space.tasks.reading import read_file
from tests.tasks.test_dataset import config, problems

GSM8K = PROJECT.parent / "shared" / "data" / "gsm8k"


def test_clean_problems_have_no_faults() -> None:
    assert data_faults.words(problems(50)) == ""
    assert data_faults.words(read_file(PROJECT / "presets" / "tiny" / "train.jsonl")) == ""


@pytest.mark.skipif(not GSM8K.is_dir(), reason="no ../shared/data/gsm8k")
def test_gsm8k_has_none() -> None:
    assert data_faults.words(read_file(GSM8K / "train.jsonl") + read_file(GSM8K / "test.jsonl")) == ""


def test_one_question_with_two_answers_is_a_contradiction() -> None:
    rows = [*problems(3), Row("Who is  IT?", "12"), Row("who is it?", "15"), Row("Who is it?", "12.0")]
    assert data_faults.words(rows) == "1 question has different answers: Who is IT? (12 and 15 and 12.0)."
    assert data_faults.words([*rows, Row("a", "1"), Row("A", "2")]).startswith(
        "2 questions have different answers, such as: Who is IT?"
    )


def test_copies_with_the_same_answer_in_another_spelling_are_copies() -> None:
    rows = [Row("a", "1,600"), Row(" A", "1600"), Row("A\n", "1600.0"), Row("b", "x"), Row("B", "x")]
    assert data_faults.words(rows) == "3 problems are copies of others, but for capitals and spaces."


def test_a_verifier_of_ones_own_may_read_what_tells_two_rows_apart() -> None:
    def row(question: str, answer: str, unit: str) -> Row:
        record = {"question": question, "answer": answer, "unit": unit}
        return OWN.read(record, ColumnsSection(question="question", answer="answer"))

    first = row("How long?", "12", "m")
    assert data_faults.words([first, row("How long?", "12", "km"), row("how long?", "15", "mm")]) == ""
    assert data_faults.find([first, row("how  long?", "12", "m")]).copies == 1
    assert data_faults.find([first, row("how long?", "15", "m")]).contradictions == 1


@pytest.mark.parametrize("gold", ["12\n13", "3} and \\boxed{5"])
def test_an_answer_that_nothing_matches_is_counted(gold: str) -> None:
    assert not task_of(Row("a", gold)).can_match(Row("a", gold))
    assert data_faults.words([Row("a", gold)]).startswith("1 answer can never be matched: ")
    assert "2 answers can never be matched, such as" in data_faults.words([Row("a", gold), Row("b", gold)])


@pytest.mark.parametrize("gold", ["12", "1,600", "50%", "\\frac{1}{2}", "x^2 + 1", "(3, 5)", "B", "12 apples", "yes"])
def test_an_answer_that_something_matches_is_none(gold: str) -> None:
    assert task_of(Row("a", gold)).can_match(Row("a", gold))


@pytest.mark.parametrize(
    "gold", ["proof", "notfound", "not found", "N/A", "nan", "null", "None", "-", "?", "#VALUE!", "#N/A"]
)
def test_an_answer_that_says_there_is_none_is_counted(gold: str) -> None:
    assert data_faults.words([Row("a", gold), Row("b", "1")]) == f"1 answer says that there is none: {gold}."
    many = [Row(str(n), gold) for n in range(12)]
    assert data_faults.words(many).endswith(f"12 answers say that there is none, such as: {gold}.")
    assert data_faults.find([Row("a", gold, task="own", details="{}")]).none == 0


@pytest.mark.parametrize("question", ["#REF!", " #N/A", "nan", "?", "#NAME?\n\nA) x\nB) y"])
def test_a_question_that_asks_nothing_is_counted(question: str) -> None:
    shown = " ".join(question.split())
    assert data_faults.words([Row(question, "6"), Row("How much is 1 plus 1?", "2")]) == (
        f"1 question asks nothing: {shown}."
    )
    many = [Row(question, "6"), Row("#VALUE!", "7")]
    assert data_faults.words(many) == f"2 questions ask nothing, such as: {shown}."


@pytest.mark.parametrize("gold", ["0", "no", "-1", "nobody", "the empty set", "no solution", "proof by induction"])
def test_an_answer_that_denies_is_one(gold: str) -> None:
    assert data_faults.find([Row("a", gold)]).none == 0


def test_a_run_says_so_before_it_trains(tmp_path: Path) -> None:
    rows = [*problems(60), Row("HOW MUCH is 1 plus 1?", "3")]
    told = share_out(rows, None, config(evaluation={"problems": 20}), "mine.jsonl", "c").summary
    assert told.endswith("held out of it. 1 question has different answers: How much is 1 plus 1? (2 and 3).")
    told = share_out(problems(60), [Row("How much is 1 plus 1?", "3")], config(), "mine.jsonl", "c").summary
    assert "1 question has different answers" in told


@pytest.mark.parametrize(
    "question", ["Wie groß ist 2 über 1 für “Käse”?", "½ × 4 – 1 = …", "¿Cuánto cuesta? À ƒ Ÿ", "数"]
)
def test_letters_that_were_read_in_another_encoding_are_counted(question: str) -> None:
    assert data_faults.words([Row(question, "6")]) == ""
    misread = question.encode().decode("cp1252", "replace")
    words = "1 question was read in another encoding than written: "
    assert data_faults.words([Row(misread, "6"), Row("a?", "6")]).startswith(words)
    assert data_faults.words([Row(question + "\ufffd", "6")]).startswith(words)


@pytest.mark.parametrize(
    "question", ["CAFÉ»", "CAFÉ\xa0?", "“IRMÃ” e MAÇÃ…", "Ãrea = 2²", "x² · ½", "naïve – “so”", "30 °C ± 2 µm", "5 £"]
)
def test_letters_of_latin_1_are_no_other_encoding(question: str) -> None:
    assert data_faults.words([Row(question, "6")]) == ""
