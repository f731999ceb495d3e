"""What cannot be read is named with its cure, and what unpacks to gigabytes is refused before it takes memory."""

import gzip
import io
import json
import pickle
import resource
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grpo_space.errors import UserError
from grpo_space.tasks import table_file
from grpo_space.tasks.reading import read, read_file
from grpo_space.tasks.table_file import open_table


def refusal(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(open_table(folder / name).entries)
    [problem] = caught.value.problems
    return problem


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return made.getvalue()


FAR = "2**40 seconds"
"""After 1970: in no year that Python knows."""


def parquet(columns: list[list[Any]], names: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [pa.array([2**40], pa.timestamp("s")) if column == [FAR] else pa.array(column) for column in columns]
    made = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=names.split()), made)
    return made.getvalue()


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "made.db") as made:
        made.execute("create table problems (question, answer)")
    return (folder / "made.db").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", archive("[Content_Types].xml", "xl/workbook.xml"), "is an Excel workbook: save it as CSV"),
        ("a.csv", archive("xl/workbook.xml"), "is an Excel workbook: save it as CSV"),
        ("a.docx", archive("word/document.xml"), "is a Word document: save it as CSV"),
        ("a.zip", archive("a.csv"), "is a ZIP archive: unpack it, and give the file in it"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "is an old Excel workbook: save it as CSV"),
        ("a.pdf", b"%PDF-1.7\n", "is a PDF: put its problems into a table, as CSV"),
        ("a.arrow", b"ARROW1\x00\x00", "is an Arrow file: save it as Parquet"),
        ("a.pkl", b"\x80\x04\x95\x10", "is a Python pickle, which is a program: save it as JSON lines"),
        ("a.csv.bz2", b"BZh91AY&SY", "is packed by bzip2: unpack it, or pack it by gzip"),
        ("a.csv", b"<!DOCTYPE html>\n<html>", "is a web page or XML: download the file itself, or save it as CSV"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer, not the file itself: "),
        ("a.csv", bytes(range(256)) * 9, "is no text, nor any table that can be read"),
        ("a.csv.gz", gzip.compress(b"question,answer\n" * 999)[:50], "is damaged: its gzip"),
        ("a.csv.gz", gzip.compress(archive("xl/workbook.xml")), "is an Excel workbook: save it as CSV"),
        ("a.parquet", b"PAR1" + bytes(200), "is damaged: "),
        ("a.json", b'[{"question": "q", "answer": "1"}, {"question": ', "row 2: is not JSON: the array breaks there"),
        ("a.json", b'[{"question": "q"} {"question": "q"}]', "row 1: the array breaks after it"),
        ("a.csv", b"question,answer,answer\nq,1,2\n", "two columns are called 'answer': rename one"),
        ("a.parquet", parquet([["q"], ["1"], ["2"]], "question answer answer"), "two columns are called 'answer': "),
        ("a.parquet", parquet([["q"], ["1"], [FAR]], "question answer at"), "holds times that cannot be read: leave"),
        ("a.pkl", pickle.dumps([{"question": "q"}], 5), "is a Python pickle, which is a program: save it as JSON"),
        ("a.zip", archive(), "is a ZIP archive with nothing in it"),
        ("a.csv.gz", gzip.compress(gzip.compress(b"question,answer\n")), "is packed by gzip twice: unpack it once"),
        ("a.json", b'[{"question": "q"}]\n[{"question": "q"}]', "goes on after the ] of its array: write one array"),
        ("a.json", b'{"train": [{"question": "q"}], "test": [{"answer": 1}]}', "holds several lists of rows, tr"),
        ("a.csv", b'question,answer\n"q,1\nr,2\n"s,3\n', "line 4: is not CSV: ',' expected after '\"': write a quota"),
        ("a.csv", b'question,answer\n"q,1\nr,2\n', "line 3: is not CSV: unexpected end of data: write a quotation"),
        ("a.csv", b"," * 200_000, "its first line is no header: write the names of its columns there"),
        ("a.csv", b"x" * 200_000 + b"\nq", "its first line is no header: write the names of its columns there"),
        ("a.txt", "﻿question\tanswer\n".encode("utf-16")[:-3] + b"\xd8", "is not the UTF-16 text that it begins as"),
    ],
    ids=lambda value: None if isinstance(value, str) else "content",
)  # fmt: skip
def test_what_it_is_is_said_with_the_cure(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    problem = refusal(tmp_path, name, content)
    assert problem.startswith(name)
    assert problem.removeprefix(name).lstrip(":").strip().startswith(words)


@pytest.mark.parametrize("form", ["{}\n{}\n", "[{}, {}]", "{}, {}"])
def test_a_name_that_stands_twice_in_an_object_is_refused(form: str, tmp_path: Path) -> None:
    """As in a CSV's header: JSON takes the last value and forgets the other."""
    one, two = '{"question": "q", "answer": "1"}', '{"question": "r", "answer": "1", "answer": "2"}'
    (tmp_path / "a.json").write_text(form.format(one, two))
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / "a.json")
    [problem] = caught.value.problems
    assert problem.startswith("a.json ")
    assert problem.endswith(" 2: has two values by the name 'answer': rename one")


def test_a_cell_may_be_longer_than_a_csv_has_by_default(tmp_path: Path) -> None:
    """In a process of its own: the bound is the process's, and another file may have moved it."""
    (tmp_path / "a.csv").write_text(f"question,answer\n{'x' * 200_000},1\n")
    code = f"from grpo_space.tasks.reading import *; print(read_file(Path({str(tmp_path / 'a.csv')!r}))[0].gold)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_a_database_is_no_table(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a.db", database(tmp_path)) == "a.db: is an SQLite database: export the table as CSV"


def test_a_row_of_a_csv_with_too_many_fields_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\nq,1\nOne, two?,3\nq,2\n")
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / "a.csv")
    assert caught.value.problems == (
        "a.csv row 2: has 3 fields, and the header 2: quote texts that hold the separator",
    )


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("before", ["\r\n", "\n\n \n", "\ufeff\n", ",\n", "sep=,\n\n"])
def test_blank_lines_before_the_header_of_a_csv_are_none(before: str, separator: str, tmp_path: Path) -> None:
    text = f"{before}question,answer\r\na?,1\r\n".replace(",", separator)
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    assert [(row.question, row.gold) for row in read_file(tmp_path / "a.csv")] == [("a?", "1")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("My problems\nquestion,answer\nq,1\n", "row 1: has 2 fields, and the header 1: the first line seems to be a "),
        (
            "My problems,,\nquestion,answer,level,of\nq,1,2,3\n",
            "row 1: has 4 fields, and the header 3: the first line",
        ),
        (
            "Klasse 7;;\n;;\nquestion;answer;of\nq;1;2\n",
            "row 1: has 3 fields, and the header 1 name: the first line see",
        ),
        ("Klasse 7\n\nquestion;answer\nWas, bitte?;1\nr;2\n", "row 1: has 2 fields, and the header 1: the first line"),
        ("Klasse 7\nquestion\tanswer\nq\t1\nr\t2\n", "row 1: has 2 fields, and the header 1: the first line seems to "),
        (
            "question,answer,kind\nq,1,x\nr,2\ns,3,x\n",
            "row 2: has 2 fields, and the header 3: the row ends early, ",
        ),
        ("question,answer,kind\nq,1,x\nr\ns,3,x\n", "row 2: has 1 field, and the header 3: the row ends early, "),
    ],
)
def test_a_csv_whose_rows_are_not_as_wide_as_its_header_is_told_why(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / "a.csv")
    assert caught.value.problems[0].startswith(f"a.csv {words}")


def test_damaged_utf_8_is_not_taken_for_latin_1(tmp_path: Path) -> None:
    """Where other characters are good UTF-8, the one that is not is a fault, named by its line."""
    rows = [json.dumps({"question": f"é {n}?", "answer": n}, ensure_ascii=False).encode() for n in range(4)]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*rows[:2], rows[2].replace("é".encode(), b"\xe9"), rows[3]]))
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / "a.jsonl")
    assert caught.value.problems == ("a.jsonl line 3: is not UTF-8 text",)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_two_bytes_that_would_be_a_character_of_utf_8_do_not_make_a_text_of_windows_damaged(
    name: str, tmp_path: Path
) -> None:
    question = "Was heißt „groß“? 1+1"
    text = f"question;answer\n{question};2\n"
    if name == "a.jsonl":
        text = json.dumps({"question": question, "answer": "2"}, ensure_ascii=False)
    (tmp_path / name).write_bytes(text.encode("cp1252"))
    [row] = read_file(tmp_path / name)
    assert (row.question, row.gold) == (question, "2")
    assert "which is a guess" in open_table(tmp_path / name).form


@pytest.mark.parametrize(
    ("encoding", "question"),
    [
        ("cp1251", "Сколько будет 1+1?"),
        ("koi8_r", "Сколько будет 1+1?"),
        ("cp1253", "Πόσο κάνει 1+1;"),
        ("cp1256", "كم يساوي واحد زائد واحد؟"),
        ("gbk", "一加一等于多少？"),
        ("big5", "一加一等於多少？"),
        ("shift_jis", "一たす一はいくつですか？"),
        ("euc_kr", "일 더하기 일은?"),
        ("cp874", "หนึ่งบวกหนึ่งเท่ากับเท่าไร"),
        ("cp1250", "Ile to jabłek, jeśli Żółw ma 4?"),
        ("iso8859-2", "Ile jabłek ma Piłat?"),
        ("mac_roman", "Größe für Müller?"),
        ("cp437", "Wie viele Bücher hat Müller?"),
        ("cp850", "¿Cuántos años tiene María?"),
    ],
)
def test_letters_of_another_alphabet_are_not_read_as_those_of_latin_1(
    encoding: str, question: str, tmp_path: Path
) -> None:
    problem = refusal(tmp_path, "a.csv", f"question,answer\n{question},2\n".encode(encoding))
    assert problem.startswith("a.csv: is neither UTF-8 nor Latin-1")
    assert problem.endswith("save it as UTF-8")


@pytest.mark.parametrize(
    "question",
    [
        "Où est «l’été»? Créée.",
        "5 m³ à 20°C; 3½ l; 7 µm; nº 1a; l´eau; ½l",
        "¿Cuánto? ———————————————— x",
        "“Größe” – süß…",
        "What is x²y + a²b?",
    ],
)
def test_a_text_of_windows_may_have_accents_in_a_row(question: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(f"question,answer\n{question},2\n".encode("cp1252"))
    assert read_file(tmp_path / "a.csv")[0].question == question


def test_utf_32_is_not_read_as_utf_16(tmp_path: Path) -> None:
    problem = refusal(tmp_path, "a.csv", "question,answer\nq,2\n".encode("utf-32"))
    assert problem == "a.csv: is text in UTF-32: save it as UTF-8"


def zeros(size: int, start: bytes) -> bytes:
    """A gzip of so many bytes, made without holding them."""
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", compresslevel=1) as file:
        file.write(start)
        for _ in range(size // 2**20):
            file.write(b"a" * 2**20)
    return made.getvalue()


@pytest.mark.parametrize("start", [b'{"question": "', b'[{"question": "', b"question,answer\n"])
def test_a_gzip_that_grows_without_end_is_refused(
    start: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_file, "MOST_BYTES", 8 * 2**20)
    problem = refusal(tmp_path, "a.gz", zeros(64 * 2**20, start))
    assert problem == (
        "a.gz: has more than 8 MB of rows, the most that is read: take a part of it, or put it on the Hugging Face "
        "Hub and name it there"
    )


def test_a_parquet_file_of_a_megabyte_that_stands_for_ten_gigabytes_is_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000, pa.int32()), pa.array(["a" * 2**20]))
    pq.write_table(pa.table({"question": text, "answer": pa.array(["1"] * 10_000)}), tmp_path / "a", compression="gzip")
    content = (tmp_path / "a").read_bytes()
    assert len(content) < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert refusal(tmp_path, "a.parquet", content).startswith("a.parquet: unpacks to more than 200 MB of rows")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500 * 1024


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MOST_ROWS", 100)
    problem = refusal(tmp_path, "a.csv", b"question,answer\n" + b"q,1\n" * 101)
    assert problem.startswith("a.csv: has more than 100 rows, the most that is read: ")


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.json", "a.gz", "a.parquet", "a"]), st.booleans())
def test_no_content_is_a_crash(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str, zipped: bool
) -> None:
    file = tmp_path_factory.mktemp("data") / name
    file.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(UserError):
        read_file(file)


@pytest.mark.parametrize(
    "text",
    [
        '| question | answer |\n|---|---|\n| P(A\\|B)? | 4 |\n| 3 + 3? | "6" |\n',
        '\ufeff\r\n  question | answer\r\n:--- | ---:\r\nP(A\\|B)? | 4\r\n\r\n3 + 3? | "6"',
        '|question|answer|\n|-|--|\n|P(A\\|B)?|4|\n|3 + 3?|"6"|\n',
    ],
)
def test_a_table_of_markdown_is_one(text: str, tmp_path: Path) -> None:
    """Its line of dashes was a problem, and the bars at its edges made columns."""
    (tmp_path / "a.md").write_text(text)
    found = read(tmp_path / "a.md")
    assert [(row.question, row.gold) for row in found.rows] == [("P(A|B)?", "4"), ("3 + 3?", '"6"')]
    assert found.form == "a Markdown table"


def test_a_row_of_markdown_with_a_bar_in_its_text_is_named(tmp_path: Path) -> None:
    text = "| question | answer |\n|---|---|\n| P(A|B)? | 4 |\n"
    (tmp_path / "a.md").write_text(text)
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / "a.md")
    assert str(caught.value) == (
        "a.md row 1: has 3 fields, and the header 2: write a bar within a text as \\|, and nothing below the table"
    )
    (tmp_path / "b.csv").write_text("question|answer\n2?|5\n-|4\n")
    assert len(read_file(tmp_path / "b.csv")) == 2


@pytest.mark.parametrize(
    "text", ["|" * 10**6, " " * 10**6 + "|", "a|b\n" + "- " * 10**6, "a|b\n" + "|---" * 10**6 + "x"]
)
def test_what_looks_like_markdown_is_looked_at_once(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(text)
    begun = time.perf_counter()
    with pytest.raises(UserError):
        read_file(tmp_path / "a.md")
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize(
    "text",
    [
        "question,answer\n1+1?,2\nquestion,answer\n2+2?,4\n",
        "question;answer;;\n1+1?;2;;\n\ufeffquestion; answer;;\n2+2?;4;;\n",
        "question\tanswer\n1+1?\t2\nquestion\tanswer\n2+2?\t4\n",
        "|question|answer|\n|-|-|\n|1+1?|2|\n|question|answer|\n|2+2?|4|\n",
    ],
)
def test_a_header_among_the_rows_of_joined_tables_is_no_problem(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_file(tmp_path / "a.csv")
    assert caught.value.problems == (
        "a.csv row 2: is the header once more, as where several tables were joined: delete it",
    )
