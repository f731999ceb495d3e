"""Files as people have them: each loads as its owner would expect, from whatever form and whatever columns."""

import csv
import datetime
import gzip
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grpo_space.config import ColumnsSection, DataSection
from grpo_space.errors import UserError
from grpo_space.tasks.dataset import notes
from grpo_space.tasks.kinds import task_of
from grpo_space.tasks.reading import ChooseColumnsError, Problems, read, read_file
from tests.support.processes import ROOT

Rows = list[dict[str, Any]]
Written = Callable[[Rows], bytes]


def json_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def json_array(rows: Rows) -> bytes:
    return json.dumps(rows, indent=2, ensure_ascii=False).encode()


def separated(separator: str = ",", encoding: str = "utf-8", first: str = "") -> Written:
    def write(rows: Rows) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
        return (first + text.getvalue()).encode(encoding)

    return write


def parquet(rows: Rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), made)
    return made.getvalue()


def zipped(write: Written) -> Written:
    return lambda rows: gzip.compress(write(rows))


def columns(rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


def split(rows: Rows) -> dict[str, Any]:
    return {"columns": list(rows[0]), "index": list(range(len(rows))), "data": [list(row.values()) for row in rows]}


def viewed(rows: Rows) -> dict[str, Any]:
    features = [{"feature_idx": i, "name": name, "type": {"dtype": "string"}} for i, name in enumerate(rows[0])]
    each = [{"row_idx": i, "row": row, "truncated_cells": []} for i, row in enumerate(rows)]
    return {"features": features, "rows": each, "num_rows_total": len(rows), "partial": False}


def numbered(rows: Rows) -> dict[str, dict[str, Any]]:
    return {name: {str(i): value for i, value in enumerate(values)} for name, values in columns(rows).items()}


PLAIN: Rows = [
    {
        "question": 'Was kostet das, in Euro: 3 Äpfel zu je 2 €?\nUnd "mehr"; nicht, weniger?',
        "answer": "3 * 2 = 6\n#### 6",
    },
    {"question": "How much is 1 plus 1?", "answer": "2"},
    {"question": "How much is 2 plus 2?", "answer": "4"},
]
LATIN: Rows = [{**row, "question": row["question"].replace("€", "Euro")} for row in PLAIN]
FORMS: dict[str, tuple[str, Written, Rows]] = {
    "JSON lines": ("a.jsonl", json_lines, PLAIN),
    "JSON lines by no name": ("a", json_lines, PLAIN),
    "JSON lines with a BOM": ("a.jsonl", lambda rows: b"\xef\xbb\xbf" + json_lines(rows), PLAIN),
    "JSON lines in UTF-16": ("a.jsonl", lambda rows: json_lines(rows).decode().encode("utf-16"), PLAIN),
    "JSON lines in UTF-16 without a BOM": ("a.jsonl", lambda r: json_lines(r).decode().encode("utf-16-le"), PLAIN),
    "JSON lines in Latin-1": ("a.jsonl", lambda rows: json_lines(rows).decode().encode("latin-1"), LATIN),
    "JSON lines of Windows": ("a.jsonl", lambda rows: json_lines(rows).decode().encode("cp1252"), PLAIN),
    "gzipped JSON lines": ("a.jsonl.gz", zipped(json_lines), PLAIN),
    "gzipped, by a name that does not say so": ("a.jsonl", zipped(json_lines), PLAIN),
    "a JSON array": ("a.json", json_array, PLAIN),
    "a JSON array called JSON lines": ("a.jsonl", json_array, PLAIN),
    "a JSON array in one line": ("a.json", lambda rows: json.dumps(rows).encode(), PLAIN),
    "a gzipped JSON array": ("a.json.gz", zipped(json_array), PLAIN),
    "an object that holds the rows": ("a.json", lambda rows: json.dumps({"data": rows}, indent=1).encode(), PLAIN),
    "an object that holds the rows, in one line": ("a.json", lambda rows: json.dumps({"train": rows}).encode(), PLAIN),
    "an object of columns": ("a.json", lambda rows: json.dumps(columns(rows)).encode(), PLAIN),
    "an object of columns, as pandas writes it": ("a.json", lambda rows: json.dumps(numbered(rows)).encode(), PLAIN),
    "an object of names and rows, as pandas splits": ("a.json", lambda rows: json.dumps(split(rows)).encode(), PLAIN),
    "what the Hub's dataset viewer answers": ("a.json", lambda rows: json.dumps(viewed(rows)).encode(), PLAIN),
    "an object of rows": ("a.json", lambda rows: json.dumps({f"id{i}": r for i, r in enumerate(rows)}).encode(), PLAIN),
    "JSON lines with commas after them": ("a.jsonl", lambda rows: json_lines(rows).replace(b"}\n", b"},\n"), PLAIN),
    "objects in one line": ("a.jsonl", lambda rows: json_lines(rows).replace(b"\n", b""), PLAIN),
    "objects over several lines": ("a.json", lambda rows: json_array(rows)[1:-1].replace(b"},", b"}"), PLAIN),
    "CSV": ("a.csv", separated(), PLAIN),
    "CSV with semicolons": ("a.csv", separated(";"), PLAIN),
    "CSV with bars": ("a.csv", separated("|"), PLAIN),
    "CSV of Excel, with a BOM": ("a.csv", separated(";", "utf-8-sig"), PLAIN),
    "CSV of Excel, which names its separator": ("a.csv", separated(";", first="sep=;\n"), PLAIN),
    "CSV in UTF-16": ("a.csv", separated(";", "utf-16"), PLAIN),
    "CSV in Latin-1": ("a.csv", separated(";", "latin-1"), LATIN),
    "TSV": ("a.tsv", separated("\t"), PLAIN),
    "gzipped CSV": ("a.csv.gz", zipped(separated()), PLAIN),
    "gzipped TSV": ("a.tsv.gz", zipped(separated("\t")), PLAIN),
    "Parquet": ("a.parquet", parquet, PLAIN),
    "Parquet by no name": ("a", parquet, PLAIN),
    "gzipped Parquet": ("a.parquet.gz", zipped(parquet), PLAIN),
}  # fmt: skip
"""Name, how it is written, and the rows."""

SHAPES: dict[str, dict[str, Any]] = {
    (shape := json.loads(line))["shape"]: shape
    for line in (ROOT / "tests" / "support" / "file_shapes.jsonl").read_text(encoding="utf-8").splitlines()
}
"""Of each known dataset a row of our own, and the question and answer that it means."""


def read_bytes(folder: Path, name: str, content: bytes, data: DataSection | None = None) -> Problems:
    (folder / name).write_bytes(content)
    return read(folder / name, data or DataSection())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_holds_the_same_problems(form: str, tmp_path: Path) -> None:
    name, write, rows = FORMS[form]
    found = read_bytes(tmp_path, name, write(rows))
    assert [(row.question, row.gold) for row in found.rows] == [(row["question"], row["answer"][-1]) for row in rows]
    said = ("Latin-1, which is a guess" in found.form) or ("UTF-16, which is a guess" in found.form)
    assert said == any(word in form for word in ("Latin-1", "of Windows", "without a BOM"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("write", [json_lines, parquet], ids=["JSON lines", "Parquet"])
def test_every_shape_means_what_its_owner_means(shape: str, write: Written, tmp_path: Path) -> None:
    record, question, answer = (SHAPES[shape][name] for name in ("row", "question", "answer"))
    found = read_bytes(tmp_path, "a", write([record] * 3))
    assert len(found.rows) == 3
    for row in found.rows:
        assert row.question.partition("\n\nA) ")[0] == question
        assert row.gold.partition(") ")[2] == answer if row.task == "choice" else row.gold == answer
        if row.task == "choice":
            assert f"\n{row.gold}" in row.question
            assert row.question.count(answer) == 1
    assert (found.task == "choice") == ("Rings" in question)


def test_a_column_that_is_there_and_empty_is_not_called_missing(tmp_path: Path) -> None:
    rows = [{"question": "2 + 4?", "Answer": ""}, {"question": "3 + 4?", "Answer": ""}]
    with pytest.raises(UserError, match="column 'Answer' is there for the answer, but empty in the first 2 rows: fill"):
        read_bytes(tmp_path, "a.csv", separated(",")(rows))
    chosen = DataSection.model_validate({"columns": {"answer": "Answer"}})
    with pytest.raises(UserError, match=r"data\.columns\.answer: column 'Answer' is empty in the first 2 rows: with"):
        read_bytes(tmp_path, "b.csv", separated(",")(rows), chosen)


def test_the_owner_is_asked_where_no_column_is_known(tmp_path: Path) -> None:
    rows = [{"Frage": "2 + 4?", "Lösung": "6", "Thema": "plus"}]
    with pytest.raises(UserError) as caught:
        read_bytes(tmp_path, "a.csv", separated(";")(rows * 3))
    assert caught.value.problems == (
        "a.csv: no column is known to hold the question: there are Frage, Lösung, Thema; choose it with "
        "data.columns.question",
    )
    chosen = DataSection.model_validate({"columns": {"question": "Frage", "answer": "Lösung"}})
    found = read_bytes(tmp_path, "a.csv", separated(";")(rows * 3), chosen)
    assert [(row.question, row.gold) for row in found.rows] == [("2 + 4?", "6")] * 3
    assert found.reading() == "Read as numbers and mathematics: question from Frage, answer from Lösung."


def read_problem(folder: Path, row: dict[str, Any]) -> Problems:
    return read_bytes(folder, "a.jsonl", json_lines([row] * 3))


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Rings?", "alternatives": ["Mars", "Saturn"], "answer": "B"},
        {"question": "Rings?", "Alternativa A": "Mars", "Alternativa B": "Saturn", "answer": "B"},
        {"question": "Rings?", "answers": ["Mars", "Saturn"], "label": 1},
    ],
)
def test_options_that_nobody_knows_are_asked_for(row: dict[str, Any], tmp_path: Path) -> None:
    """Else the letter would be learnt, and the options never seen."""
    with pytest.raises(
        UserError, match=r"the column '.+' seems to say which option is right, .* data\.columns\.options"
    ):
        read_problem(tmp_path, row)
    column = list(row)[-1]
    chosen = DataSection.model_validate({"columns": {"answer": column}})
    assert read_bytes(tmp_path, "a", json_lines([row] * 3), chosen).rows[0].gold == str(row[column])


def test_letters_of_options_that_the_question_shows_are_answers(tmp_path: Path) -> None:
    assert read_problem(tmp_path, {"question": "Rings?\n(A) Mars (B) Saturn", "answer": "B"}).rows[0].gold == "B"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"question": "q?", "option1": "a", "option2": "b", "answer": 0}, "which are numbered from 1 to 2"),
        ({"question": "q?", "A": "a", "B": None, "C": "c", "answer": 1}, "which are counted from 0: write its letter"),
        ({"question": "q?", "options": "a; b", "answer": "A"}, "has no options: a list of them is wanted"),
        (
            {"question": "q?", "answer": {"value": 2, "unit": "m"}},
            r"no answer: column 'answer' holds an object: choose one of answer\.value, answer\.unit with data\.col",
        ),
        (
            {"question": {"text": "q?"}, "answer": 2},
            r"no question: column 'question' holds an object: choose one of question\.text with data\.columns\.q",
        ),
        ({"question": ["q?", "r?"], "answer": 2}, "no question: column 'question' holds a list of 2, the first 'q"),
        ({"question": 12, "answer": 2}, "has no question: column 'question' holds 12, which is no text"),
        ({"question": "q?", "answer": [{"a": 1}]}, "no answer: column 'answer' holds a list of 1, the first {'a': 1}"),
        ({"question": "q?", "answer": [2.5, 3.5]}, "has 2 answers: a problem has one"),
        (
            {"question": "q?", "answer": [{"role": "user", "content": "q?"}]},
            "no answer: the chat in column 'answer' has these turns: user",
        ),
        (
            {"question": "q?", "choices": ["a", "b"], "answer": {"place": 1}},
            r"no answer: column 'answer' holds an object: choose one of answer\.place with",
        ),
        (
            {"question": "q?", "ground_truth": '{"func_name": "verify_paragraph_count", "N": 4}'},
            r"'ground_truth' holds an object: choose one of ground_truth\.func_name, ground_truth\.N with",
        ),
        (
            {"question": "q?", "reward_model": {"ground_truth": '{"inputs": ["1\\n"], "outputs": ["2\\n"]}'}},
            r"no answer: column 'reward_model\.ground_truth' holds an object: choose one of",
        ),
        ({"question": "q?", "answer": True}, "true is neither text nor number"),
        ({"question": "q?", "answer": "It is so.\nOr it is not."}, "end its solution with #### 6"),
        ({"question": "q?", "answer": "Let x be the number. Then 2x = 10, so x = 5."}, "end its solution with #### 6"),
        ({"question": "q?", "answer": "2x = 10, so x = 5"}, "has no answer that is marked"),
        ({"question": "q?", "answer": "Let x be the red ones 5*x=x+24 4*x=24 x=6"}, "has no answer that is marked"),
        ({"question": "q?", "answer": "He eats 3*2=6 a day So he eats 6*7=42 a week"}, "has no answer that is marked"),
        ({"question": "q?", "answer": "Both sides grow. The left one grows faster."}, "has no answer that is marked"),
        (
            {
                "prompt": "q?",
                "messages": [{"role": r, "content": t} for r, t in zip(["user", "assistant"] * 2, "q1r2", strict=True)],
            },
            "has 2 turns of the user",
        ),
    ],
)
def test_what_a_row_lacks_is_said_with_the_cure(row: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        read_problem(tmp_path, row)


@pytest.mark.parametrize(
    "answer",
    ["x = 5", "{1, 2}", "{}", "{x : x > 3}", "5 apples", "y = 2x + 1",
     "Paris", "red, blue and green", "between 3 and 4", "3 * 6 = 18", "x = 2, y = 3",
     "x = 2 or x = -2", "a = 1 when b = 2", "area = length * width", "E = mc^2", "f(x) = 2x if x > 0 and 0 otherwise",
     "Dr. Martin Luther King Jr. and Mrs. King", "John F. Kennedy and Lyndon B. Johnson of the U.S. Senate", "5 p.m.",
     "3 * 2 = 6 apples for each of them", "\\frac{1}{2}", "Yes. It is.", "D. E. Smith", "$x \\le 3$ and $x = 2k + 1$",
     "It is the one that grows faster than all of the others."],
)  # fmt: skip
def test_a_short_answer_is_no_worked_solution(answer: str, tmp_path: Path) -> None:
    assert read_problem(tmp_path, {"question": "q?", "answer": answer}).rows[0].gold == answer


def test_a_marked_answer_may_be_of_several_sentences(tmp_path: Path) -> None:
    answer = "So it is.\n#### Both sides grow. The left one grows faster."
    assert (
        read_problem(tmp_path, {"question": "q?", "answer": answer}).rows[0].gold.endswith("The left one grows faster.")
    )


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("b'-6\\n'", "-6"),
        ('b"It\'s 6.\\n"', "It's 6."),
        ("b'\\xc3\\xa4'", "ä"),
        ("b'\\xff'", "b'\\xff'"),
        ("b'ä'", "b'ä'"),
        ("b'\\x'", "b'\\x'"),
        ("b'a' + b'c'", "b'a' + b'c'"),
        ("b'", "b'"),
    ],
)
def test_bytes_as_python_prints_them_are_the_text_that_they_were(text: str, read: str, tmp_path: Path) -> None:
    for row in ({"question": text, "answer": "1"}, {"question": "q?", "answer": text}):
        [found, *_] = read_problem(tmp_path, row).rows
        assert read in (found.question, found.gold)


@pytest.mark.parametrize("bits", [16, 32])
def test_a_number_of_few_bits_is_the_shortest_that_it_can_be(bits: int, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    golds = ["0.1", "2.3", "-12.5", "2049.0" if bits == 32 else "2048.0", "0.001"]
    answers = pa.array(list(map(float, golds)), pa.float32() if bits == 32 else pa.float16())
    pq.write_table(pa.table({"question": ["q?"] * len(golds), "answer": answers}), tmp_path / "a.parquet")
    assert [row.gold for row in read(tmp_path / "a.parquet").rows] == golds


def test_a_number_of_few_bits_is_so_in_lists_and_structs_too(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    truth = pa.array([{"ground_truth": 0.1}, {"ground_truth": 2.3}], pa.struct([("ground_truth", pa.float32())]))
    pq.write_table(pa.table({"question": ["q?", "r?"], "reward_model": truth}), tmp_path / "a.parquet")
    assert [row.gold for row in read(tmp_path / "a.parquet").rows] == ["0.1", "2.3"]
    embedding, answer = (pa.array([[0.1] * count], pa.list_(pa.float16())) for count in (4096, 1))
    pq.write_table(pa.table({"question": ["q?"], "answer": answer, "embedding": embedding}), tmp_path / "a.parquet")
    assert [row.gold for row in read(tmp_path / "a.parquet").rows] == ["0.1"]


def test_a_chat_that_is_none_is_not_said_to_be_empty(tmp_path: Path) -> None:
    row = {"messages": [{"speaker": "user", "says": "2 + 4?"}, {"speaker": "assistant", "says": "6"}]}
    with pytest.raises(UserError, match="no column is known to hold the answer: there are messages; choose it with"):
        read_bytes(tmp_path, "a.jsonl", json_lines([row] * 3))


def test_a_csv_with_spaces_before_its_quotation_marks(tmp_path: Path) -> None:
    found = read_bytes(tmp_path, "a.csv", b'answer, question\n6, "2, and 4?"\n"4", "2, and 2?"\n')
    assert [(row.question, row.gold) for row in found.rows] == [("2, and 4?", "6"), ("2, and 2?", "4")]


def test_quotation_marks_of_a_tsv_may_be_letters_like_others(tmp_path: Path) -> None:
    """Else the rows between two of them would be one."""
    lines = ["question\tanswer", '"Two" and 4?\t6', '"2 and 2?\t4', "1 and 1?\t2", '"3 and 3?\t6']
    found = read_bytes(tmp_path, "a.tsv", "\n".join(lines).encode())
    assert [f"{row.question}\t{row.gold}" for row in found.rows] == lines[1:]


@pytest.mark.parametrize("odd", ['"bad" one\t3', '""Hi""\t3'])
@pytest.mark.parametrize("quoted", ['"first, ""quoted"" text"\t6', 'x\t"6"', '""\t6'])
def test_quotation_marks_of_a_tsv_are_not_both(odd: str, quoted: str, tmp_path: Path) -> None:
    for lines in ([odd, quoted], [quoted, odd]):
        with pytest.raises(
            UserError, match=r"is not TSV: .*: write a quotation mark within a text twice, or save it as"
        ):
            read_bytes(tmp_path, "a.tsv", "\n".join(["question\tanswer", *lines]).encode())


def test_columns_by_their_numbers_are_paired_by_them(tmp_path: Path) -> None:
    table = {"question": {"1": "1 + 1?", "0": "1 + 2?"}, "answer": {"0": "3", "1": "2"}}
    found = read_bytes(tmp_path, "a.json", json.dumps(table).encode())
    assert [(row.question, row.gold) for row in found.rows] == [("1 + 1?", "2"), ("1 + 2?", "3")]


def test_a_list_within_a_files_only_row_is_not_its_rows(tmp_path: Path) -> None:
    rows = [{"question": "1 + 1?", "answer": "2"}]
    own = json.dumps({"frage": "2 + 4?", "antwort": 6, "notes": rows}).encode()
    with pytest.raises(UserError, match="hold the question: there are frage, antwort, notes"):
        read_bytes(tmp_path, "a.json", own)
    chosen = DataSection.model_validate({"columns": {"question": "frage", "answer": "antwort"}})
    assert read_bytes(tmp_path, "a.json", own, chosen).rows[0].gold == "6"
    found = read_bytes(tmp_path, "a.json", json.dumps({"version": "1.1", "total": 1, "data": rows}).encode())
    assert [row.gold for row in found.rows] == ["2"]
    described = json.dumps({"description": "My problems", "by": "me", "data": rows}).encode()
    assert [row.gold for row in read_bytes(tmp_path, "a.json", described).rows] == ["2"]
    asked = json.dumps({"Question": "2 + 4?", "final answer": "6", "examples": rows}).encode()
    assert [row.gold for row in read_bytes(tmp_path, "a.json", asked).rows] == ["6"]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"title": "How many?", "body": "9 - 3.\n#### 6"}, {"question": "title", "answer": "body"}),
        ({"title": "How many?", " Context ": "#### 6"}, {"question": "title", "answer": " Context "}),
        ({"instruction": "How many?", "input": "6"}, {"question": "instruction", "answer": "input"}),
        ({"title": "How many?", "article": '{"a": "6"}'}, {"question": "title", "answer": "article.a"}),
        ({"passage": '{"q": "How many?", "a": "6"}'}, {"question": "passage.q", "answer": "passage.a"}),
    ],
)
def test_the_answers_column_is_not_put_before_the_question(
    row: dict[str, Any], columns: dict[str, str], tmp_path: Path
) -> None:
    found = read_bytes(tmp_path, "a", json_lines([row] * 3), DataSection.model_validate({"columns": columns}))
    assert {(row.question, row.gold) for row in found.rows} == {("How many?", "6")}


def test_the_options_column_is_not_put_before_the_question(tmp_path: Path) -> None:
    row = {"question": "Rings?", "passage": "A) Mars B) Saturn", "answer": "B"}
    chosen = DataSection.model_validate({"columns": {"options": "passage"}})
    assert read_bytes(tmp_path, "a", json_lines([row]), chosen).rows[0].question.startswith("Rings?\n\nA) ")


@pytest.mark.parametrize("right", [3, "3", "A", "B", "A. Lincoln", 0, "Option 2"])
def test_the_right_option_beside_wrong_ones_is_no_place(right: str | int, tmp_path: Path) -> None:
    row = {"question": "?", "distractor1": 1, "distractor2": "2", "distractor3": "C", "correct_answer": right}
    [found] = read_bytes(tmp_path, "a", json_lines([row])).rows
    assert found.gold.partition(") ")[2] == str(right)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("A) the U.S. B) Asia C) Washington D.C. D) Rome", ["the U.S.", "Asia", "Washington D.C.", "Rome"]),
        ("A) fish B) birds, e.g. ducks", ["fish", "birds, e.g. ducks"]),
        ("A. x\nB. by C. Smith\nC. y", ["x", "by C. Smith", "y"]),
        ("(A) x; (B) y", ["x", "y"]),
        ("A. 2 B. 4 C. 6 D. 8 (E. coli)", None),
        ("A. x, B. y, C. by D. Smith, D. H. Lawrence", None),
        ("A) x B) y C. z", None),
        ("A) x B) y C. z D) w", None),
        ("a) x b) y C) z", None),
        ("A) x, B) y C) z", None),
        ("a) f(a, b) c) y", None),
        ("A) 2 B) 4 (vitamin C) is good", None),
        ("A. x\nB. y C. z", None),
        ("Paris|London|Rome", ["Paris", "London", "Rome"]),
        ("A. Paris | B. London", ["Paris", "London"]),
        ("1.5 | 2.5", ["1.5", "2.5"]),
        ("3:30|4:30", ["3:30", "4:30"]),
        ("P(A|B) | P(B|A)", None),
        ("|x|", None),
        ("x|", None),
        ("B. x | A. y", None),
        ("1. x | 2. y", None),
        ("x, y", None),
    ],
)
def test_options_in_one_text_are_read_where_they_are_plain(
    text: str, options: list[str] | None, tmp_path: Path
) -> None:
    content = json_lines([{"question": "?", "options": text, "answer": "B"}])
    if options is None:
        held = re.escape(f"a list of them is wanted, or a column for each, and 'options' holds {text!r}")
        with pytest.raises(UserError, match=f"has no options: {held}"):
            read_bytes(tmp_path, "a", content)
    else:
        [found] = read_bytes(tmp_path, "a", content).rows
        assert (sorted(json.loads(found.details)), found.gold[3:]) == (sorted(options), options[1])


@pytest.mark.parametrize(
    ("row", "task"),
    [
        ({"target": 98, "nums": "[44 19 35]"}, "countdown"),
        (
            {
                "text": "Same.",
                "code": "def f(a):\n    return a",
                "test_list": "['assert f(1) == 1' 'assert f(2) == 2']",
            },
            "code",
        ),
    ],
)
def test_lists_in_a_csv(row: dict[str, Any], task: str, tmp_path: Path) -> None:
    assert read_bytes(tmp_path, "a.csv", separated()([row] * 3)).task == task


def test_a_letter_stays_that_of_its_column_where_one_before_it_is_empty(tmp_path: Path) -> None:
    row = {"question": "Rings?", "x": "Mars", "y": None, "z": "Saturn", "answer": "C"}
    chosen = DataSection.model_validate({"columns": {"options": "x, y, z"}})
    found = read_bytes(tmp_path, "a.jsonl", json_lines([row, {**row, "y": "Venus"}]), chosen)
    assert {row.gold.partition(") ")[2] for row in found.rows} == {"Saturn"}


@pytest.mark.parametrize(
    ("row", "both"),
    [
        ({"question": "2 + 2?", "Answer": "5", "answer": "4"}, "'Answer' and 'answer'"),
        ({"Question": "2 + 2?", "question": "3 + 3?", "answer": "6"}, "'Question' and 'question'"),
        ({"question": "2 + 2?", "final answer": "4", "final_answer": "5"}, "'final answer' and 'final_answer'"),
        ({"question": "2?", "Choices": ["1", "2"], "choices": ["2", "3"], "answer": "A"}, "'Choices' and 'choices'"),
    ],
)
def test_of_two_columns_with_one_name_none_is_taken_in_silence(row: dict[str, Any], both: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row))
    with pytest.raises(UserError, match=f"^a.jsonl: columns {both} have one name: choose one in data.columns"):
        read_file(path)


def test_one_of_two_columns_with_one_name_may_be_empty_or_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"question": "2 + 2?", "Answer": None, "answer": "4"}))
    assert read_file(path)[0].gold == "4"
    path.write_text(json.dumps({"question": "2 + 2?", "Answer": "5", "answer": "4"}))
    chosen = DataSection(path=str(path), columns=ColumnsSection(answer="answer"))
    assert read_file(path, chosen)[0].gold == "4"


def test_what_open_trivia_db_answers_is_a_file_of_problems(tmp_path: Path) -> None:
    rows = [SHAPES["Open Trivia DB"]["row"]] * 2
    found = read_bytes(tmp_path, "a.json", json.dumps({"response_code": 0, "results": rows}).encode())
    assert [row.gold.partition(") ")[2] for row in found.rows] == ["Saturn"] * 2


@pytest.mark.parametrize(
    ("answer", "given"),
    [
        (datetime.date(2024, 3, 5), "5 March 2024"),
        (datetime.datetime(2024, 3, 5), "5 March 2024"),
        (datetime.datetime(2024, 3, 5, 15, 30, tzinfo=datetime.UTC), "5 March 2024, 3:30 pm"),
        (datetime.time(15, 30), "3:30 pm"),
        (b"6", "6"),
        (b"\xc3\xa4", "ä"),
    ],
)
def test_days_times_and_bytes_of_a_parquet_file_are_answers(answer: object, given: str, tmp_path: Path) -> None:
    """Many writers do not say that their bytes are text."""
    [row, *_] = read_bytes(tmp_path, "a.parquet", parquet([{"question": b"q?", "answer": answer}] * 3)).rows
    assert row.question == "q?"
    assert task_of(row).verify([f"<reasoning>\n.\n</reasoning>\n<answer>\n{given}\n</answer>"], [row])[0].correct


def test_bytes_that_are_no_text_and_decimals_as_options(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no answer: column 'answer' holds b'\\xff', which is no text"):
        read_bytes(tmp_path, "a.parquet", parquet([{"question": "q?", "answer": b"\xff"}]))
    row = {"question": "q?", "choices": [Decimal("1.50"), Decimal("2.50")], "answer": Decimal("2.50")}
    assert read_bytes(tmp_path, "a.parquet", parquet([row])).rows[0].gold.partition(") ")[2] == "2.50"


def test_a_prompt_as_a_chat_without_an_answer_is_asked_for_its_column(tmp_path: Path) -> None:
    """Preferences as TRL has them: the page can only offer columns where it is said that one is to be chosen."""
    chosen, rejected = ([{"role": "assistant", "content": text}] for text in ("6", "7"))
    row = {"prompt": [{"role": "user", "content": "2 + 4?"}], "chosen": chosen, "rejected": rejected}
    with pytest.raises(ChooseColumnsError, match="hold the answer: there are prompt, chosen, rejected; choose it with"):
        read_bytes(tmp_path, "a.jsonl", json_lines([row]))
    columns = DataSection.model_validate({"columns": {"answer": "chosen"}})
    assert read_bytes(tmp_path, "a.jsonl", json_lines([row]), columns).rows[0].gold == "6"


@pytest.mark.parametrize(
    ("rows", "separator", "words"),
    [
        (["1 + 1?;2", "Total:;2"], ";", "The last row asks 'Total:': if it sums up the others, delete it."),
        (["Total;2", "1 + 1?;2"], ";", ""),
        (["Total;2"], ";", ""),
        (
            ["Wie viele?;1.000", "1 + 1?;2"],
            ";",
            "1 answer, such as '1.000', is read with a decimal point: if the stop separates thousands, write it ",
        ),
        (["Wie viel?;1.000 €", "Wie weit?;-25.000 km"], ";", "2 answers, such as '1.000 €', are read with a decimal"),
        (["Wie viele?;1.000"], ",", ""),
        (["1 + 1?;2,5", "q;1.000.000", "q;1.000,50", "q;3.14", "q;0.125", "q;3.1416"], ";", ""),
    ],
)  # fmt: skip
def test_what_a_spreadsheet_may_mean_otherwise_is_said(
    rows: list[str], separator: str, words: str, tmp_path: Path
) -> None:
    text = "\n".join(["question;answer", *rows]).replace(";", separator)
    found = read_bytes(tmp_path, "a.csv", text.encode())
    assert found.doubt.startswith(words)
    assert bool(found.doubt) == bool(words)
    assert found.doubt in notes(found)  # though the columns' names are plain


def test_a_context_that_is_no_text_is_said_to_be_left_out(tmp_path: Path) -> None:
    """HotpotQA's holds titles and sentences, PubMedQA's a list: the question cannot be answered without them."""
    for context in ({"title": ["a"], "sentences": [["b"]]}, ["a", "b"]):
        found = read_problem(tmp_path, {"question": "q?", "answer": "yes", "context": context})
        assert found.doubt == (
            "What 'context' holds is no text, and is not shown with the questions: write it into them if it is needed."
        )
    assert read_problem(tmp_path, {"question": "q?", "answer": "yes", "context": "a"}).doubt == ""
    assert read_problem(tmp_path, {"question": "q?", "answer": "yes", "context": []}).doubt == ""


def test_what_the_dataset_viewer_cut_off_is_refused(tmp_path: Path) -> None:
    answered = viewed(PLAIN)
    answered["rows"][1]["truncated_cells"] = ["question"]
    with pytest.raises(
        UserError, match=r"^a\.json row 2: was cut off by the dataset viewer: give the dataset's own file"
    ):
        read_bytes(tmp_path, "a.json", json.dumps(answered).encode())


@pytest.mark.parametrize(
    ("names", "answer", "right"),
    [
        (("Antwort 1", "Antwort 2", "Antwort 3"), 2, "y"),
        (("Antwort 1", "Antwort 2", "Antwort 3"), "C", "z"),
        (("Answer 1 - max 75 characters", "Answer 2 - max 75 characters", "Answer 3 - max 75 characters"), 1, "x"),
        (("Antwort C", "Antwort A", "Antwort B"), "A", "y"),
        (("Antwort 0", "Antwort 1", "Antwort 2"), 1, "y"),
        (("Antwort 9", "Antwort 10", "Antwort 11"), 10, "y"),
        (("rot", "blau", "gelb"), 1, "y"),
        (("rot", "blau", "gelb"), "B", "y"),
        (("Fach 1 von 3", "Fach 1 von 4", "Fach 1 von 5"), 4, "y"),
    ],
)
def test_chosen_columns_of_options_have_the_numbers_of_their_names(
    names: tuple[str, ...], answer: int | str, right: str, tmp_path: Path
) -> None:
    """Kahoot's and German ones: a 1 was the second option."""
    row = {"question": "Rings?", **dict(zip(names, "xyz", strict=True)), "Richtig": answer}
    chosen = DataSection.model_validate({"columns": {"options": ", ".join(names), "answer": "Richtig"}})
    found = read_bytes(tmp_path, "a.jsonl", json_lines([row]), chosen)
    assert found.rows[0].gold.partition(") ")[2] == right
    assert bool(found.doubt) == (names[0] == "rot" and answer == 1)


@pytest.mark.parametrize(
    "text",
    [
        "What is 1 + 1?\nA. 2\nB. 3\nANSWER: A\n\nWhat is 2 + 2?\nA. 4\nB. 5\nANSWER: A\n",
        "::Q1:: What is 1 + 1? {=2 ~3}\n\n::Q2:: What is 2 + 2? {=4 ~5}\n",
        "- question: 1 + 1?\n  answer: 2\n- question: 2 + 2?\n  answer: 4\n",
        "Q: 1 + 1?\nA: 2\n\nQ: 2 + 2?\nA: 4\n",
        "#separator:tab\n#html:true\nWhat is 1 + 1?\t2\n",
    ],
)
def test_a_text_that_is_no_table_is_not_asked_for_its_columns(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_bytes(tmp_path, "a.txt", text.encode())
    line = text.partition("\n")[0]
    assert not isinstance(caught.value, ChooseColumnsError)
    assert caught.value.problems == (
        f"a.txt: its first line, {line!r}, names one column alone: write the names of all there, such as "
        "question,answer, and a problem a line below",
    )


@pytest.mark.parametrize("column", ["label", "Label", "target"])
def test_the_numbers_of_classes_are_no_answers_unless_they_are_chosen(column: str, tmp_path: Path) -> None:
    """QNLI's question, sentence and label: a 1 would be learnt, and nothing says what it means."""
    rows = [{"question": f"{number}?", "passage": "It is.", column: number % 2} for number in range(4)]
    with pytest.raises(ChooseColumnsError, match=rf"the column '{column}' seems to number classes, and nothing says"):
        read_bytes(tmp_path, "a.jsonl", json_lines(rows))
    chosen = DataSection.model_validate({"columns": {"answer": column}})
    assert [row.gold for row in read_bytes(tmp_path, "a.jsonl", json_lines(rows), chosen).rows] == ["0", "1"] * 2
    for labels in (["yes", "no"] * 2, [0, 3, 1, 2], [5, 7, 5, 7], [1, 1, 2, 2]):
        known = [{**row, column: label} for row, label in zip(rows, labels, strict=True)]
        assert len(read_bytes(tmp_path, "a.jsonl", json_lines(known)).rows) == 4
