import gzip
import json
import resource
from pathlib import Path

import pytest
import yaml

from grpo_space.config import RunConfig
from grpo_space.config_io import parse, write_yaml
from grpo_space.errors import UserError
from grpo_space.presets import preset_names, read_preset
from grpo_space.runs.run import all_runs, create_run
from grpo_space.ui import uploads
from grpo_space.ui.preset import own_data

TINY = read_preset("tiny").run


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def good(number: int) -> dict[str, str]:
    return {"question": f"What is {number} and 1?", "answer": f"#### {number + 1}"}


def with_data(path: str) -> RunConfig:
    return parse({**TINY.model_dump(), "data": {"path": path}})


def problems_of(file: Path) -> list[str]:
    with pytest.raises(UserError) as caught:
        uploads.read_config(file)
    return list(caught.value.problems)


def test_an_upload_is_kept_beside_the_runs_and_outlives_its_first_copy(runs_root: Path, tmp_path: Path) -> None:
    file = lines(tmp_path / "mine.jsonl", *map(good, range(4)))
    kept, count = uploads.keep_rows(file)
    content = file.read_bytes()
    file.unlink()
    assert (Path(kept).parent, count) == (runs_root / "data", 4)
    assert Path(kept).read_bytes() == content
    assert Path(kept).parent.stat().st_mode & 0o077 == 0  # it is nobody else's on this machine
    assert all_runs() == []


def test_the_same_upload_is_kept_once(runs_root: Path, tmp_path: Path) -> None:
    one, other = (lines(tmp_path / name, good(1)) for name in ("a.jsonl", "b.jsonl"))
    assert uploads.keep_rows(one) == uploads.keep_rows(other)
    assert len(list((runs_root / "data").iterdir())) == 1


def test_a_bad_line_is_named_by_its_number_and_never_quoted(runs_root: Path, tmp_path: Path) -> None:
    file = lines(tmp_path / "mine.jsonl", good(1), {"question": "the secret"}, good(2), ["secret"])
    with pytest.raises(UserError) as caught:
        uploads.keep_rows(file)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "mine.jsonl line 2",
        "mine.jsonl line 4",
    ]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["data.path", "data.test_path"])
def test_of_two_files_the_wrong_one_is_named(wrong: str, runs_root: Path, tmp_path: Path) -> None:
    files = {
        "data.path": lines(tmp_path / "train.jsonl", *map(good, range(80))),
        "data.test_path": lines(tmp_path / "test.jsonl", *map(good, range(80, 99))),
    }
    lines(files[wrong], {"name": "rose", "colour": "red"})
    kept = {path.removeprefix("data."): str(uploads.keep(file)[0]) for path, file in files.items()}
    config = parse({**TINY.model_dump(), "data": kept})
    *_, seen = own_data.looking(config, own_data.NAMES | {"data.test_path": "test.jsonl"})
    named, others = ("your file", "test.jsonl") if wrong == "data.path" else ("test.jsonl", "your file")
    assert f"{named}: no column is known to hold the question" in seen.note
    assert others not in seen.note
    (problem,) = own_data.why_not(config, "file")
    assert problem.startswith(f"{own_data.NAMES[wrong]}: no column is known")


def test_what_is_too_large_is_refused_before_it_is_read(runs_root: Path, tmp_path: Path) -> None:
    file = tmp_path / "large.jsonl"
    with file.open("wb") as sparse:
        sparse.truncate(uploads.MOST_BYTES + 1)
    with pytest.raises(UserError, match=r"large\.jsonl: has 50 MB, and 50 MB are the most"):
        uploads.keep_rows(file)


CSV = b"question,answer\na?,1\nb?,2\nc?,3\n"


def test_a_table_of_markdown_can_be_uploaded_and_keeps_its_ending(runs_root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("|question|answer|\n|---|---|\n|1+1?|2|\n")
    kept, count = uploads.keep_rows(tmp_path / "a.md")
    assert (Path(kept).suffix, count) == (".md", 1)
    assert ".md" in uploads.PROBLEM_FILES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv.gz", CSV),
        ("a.csv", CSV),
        ("a.jsonl.gz", b"".join(json.dumps(good(number)).encode() + b"\n" for number in range(3))),
        ("large.csv.gz", CSV + b"d" * 2**21 + b"?,4\n"),
    ],
)
def test_a_gzipped_upload_is_unpacked(name: str, content: bytes, runs_root: Path, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(content))
    kept, count = uploads.keep_rows(tmp_path / name)
    assert count == content.count(b"\n") - content.startswith(b"question,")
    assert gzip.decompress(Path(kept).read_bytes()) == content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(gzip.compress(CSV)), "is packed by gzip twice: unpack it once"),
        (gzip.compress(b"%PDF-1.7\n"), "is a PDF: put its problems into a table, as CSV"),
        (gzip.compress(CSV)[:10] + b"\xff" * 50, "is damaged: its gzip cannot be unpacked; pack it again"),
    ],
    ids=["twice", "a PDF", "damaged"],
)
def test_a_gzipped_upload_that_holds_no_rows_is_not_kept(
    content: bytes, words: str, runs_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.csv.gz").write_bytes(content)
    with pytest.raises(UserError) as caught:
        uploads.keep_rows(tmp_path / "a.csv.gz")
    assert caught.value.problems == (f"a.csv.gz: {words}",)
    assert not (runs_root / "data").exists()


def test_of_an_upload_that_unpacks_to_much_only_the_beginning_is_unpacked(runs_root: Path, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wb", compresslevel=1) as file:
        for _ in range(256):
            file.write(b"a" * 2**20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    uploads.keep(tmp_path / "a.gz")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("name", preset_names())
def test_an_exported_config_is_read_again(name: str, runs_root: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    run = read_preset(name).run
    file.write_text(write_yaml(run), encoding="utf-8")
    assert uploads.read_config(file) == run
    file.write_text(yaml.safe_dump({"title": "t", "run": run.model_dump(mode="json")}), encoding="utf-8")
    assert uploads.read_config(file) == run


def test_paths_that_this_machine_put_there_may_be_named(runs_root: Path, tmp_path: Path) -> None:
    kept, _ = uploads.keep_rows(lines(tmp_path / "mine.jsonl", good(1)))
    uploads.refuse_strange_paths(with_data(kept))
    foreign = str(lines(tmp_path / "own.jsonl", good(1)))
    with pytest.raises(UserError, match="upload the file under Data"):
        uploads.refuse_strange_paths(with_data(foreign))
    create_run(with_data(foreign))
    uploads.refuse_strange_paths(with_data(foreign))


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "data/../../x", "a\0b", "x" * 5000, "presets/tiny/make.py"])
def test_a_strange_file_is_refused(path: str, runs_root: Path) -> None:
    with pytest.raises(UserError, match=r"^data.path: .* is a path; upload the file"):
        uploads.refuse_strange_paths(with_data(path))


def test_every_strange_path_is_named_with_its_field(runs_root: Path) -> None:
    config = parse(
        {
            **TINY.model_dump(),
            "model": {"id": "/etc"},
            "data": {"id": "./presets"},
            "rewards": {"correctness": 1, "/x/evil.py:f": 1},
        }
    )
    with pytest.raises(UserError) as caught:
        uploads.refuse_strange_paths(config)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["model.id", "data.id", "rewards"]


def test_programs_without_isolation_are_not_for_a_browser(runs_root: Path) -> None:
    with pytest.raises(
        UserError, match=r"^data\.verifier: '/mine\.py:verify' is a path; a verifier of your own is code"
    ):
        uploads.refuse_strange_paths(TINY.changed(data={"verifier": "/mine.py:verify"}))
    config = TINY.changed(data={"run_code": "anywhere"})
    with pytest.raises(UserError, match=r"^data\.run_code: 'anywhere' can only be said on the command line$"):
        uploads.refuse_strange_paths(config)


def test_a_run_of_another_version_does_not_get_in_the_way(runs_root: Path) -> None:
    run = create_run(TINY)
    (run.folder / "config.yaml").write_text("model: [")
    with pytest.raises(UserError, match=r"data\.path"):
        uploads.refuse_strange_paths(with_data("/etc/passwd"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "config.yaml: is not YAML (line 1)"),
        ("[" * 60_000, "config.yaml: is nested deeper than any config"),
        ("a: &x [1]\nb: *x", "config.yaml: YAML's anchors and aliases are not read here"),
        ("- 1", "a run's config is a mapping"),
        ("", "a run's config is a mapping"),
        ("!!python/object/apply:os.system [id]", "config.yaml: is not YAML"),
        ("#" + "x" * 70_000, "config.yaml: is larger than 64 kB"),
    ],
)
def test_what_is_no_config_is_refused_in_one_line(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    [problem] = problems_of(file)
    assert problem.startswith(words)


def test_a_configs_problems_are_told_one_a_line(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("model: {id: a/b}\ndata: {id: c/d}\ngrpo: {max_steps: 0, bta: 1}\nseed: x\n")
    named = [problem.partition(": ")[0] for problem in problems_of(file)]
    assert named == ["grpo.max_steps", "grpo.bta", "seed"]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_bytes(b"\xff\xfe\x00a")
    assert problems_of(file) == ["config.yaml: is not YAML"]


@pytest.mark.parametrize("name", ["Qwen/Qwen2.5-1.5B-Instruct", "gpt2", "openai/gsm8k"])
def test_a_name_on_the_hub_is_no_path(name: str) -> None:
    assert uploads.on_the_hub(name)


@pytest.mark.parametrize(
    "name", ["", "/etc", "./x", "~/x", "a/b/c", "presets/tiny", "a/..", "http://x/y", "a b", "é/x"]
)
def test_what_could_be_a_path_is_no_name_on_the_hub(name: str) -> None:
    assert not uploads.on_the_hub(name)
