"""Hostile files: whatever a run folder, a backup or an adapter holds, it becomes a line, hides no other run, and is
never code.
"""

import json
import shutil
import tarfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from grpo_space.config_io import override, parse
from grpo_space.errors import UserError
from grpo_space.foreign import MOST_YAML_BYTES, parse_json, parse_yaml, read_yaml_file
from grpo_space.presets import read_preset
from grpo_space.publishing.backup import restore
from grpo_space.runs import adapters, archive, launch, trust
from grpo_space.runs.events import Started
from grpo_space.runs.run import Run, all_runs, create_run, runs_folder
from grpo_space.runs.run_summary import summarize
from grpo_space.runs.weights import read_header
from grpo_space.ui import uploads
from grpo_space.ui.live.follower import Followers
from grpo_space.ui.runs import run_list
from tests.support.fake_worker import with_adapter
from tests.support.processes import ROOT, Cli, assert_refused

TINY = read_preset("tiny").run
BRACKETS = "[" * 20_000
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def refusal(function: Callable[..., object], *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert all(len(problem) < 1000 for problem in caught.value.problems)
    return str(caught.value)


# Configs

CONFIGS = {
    "a date that is none": "seed: 2026-13-45",
    "a number of 6,000 digits": f"seed: {'9' * 6000}",
    "a number of 6,000 digits in base 16": f"seed: 0x{'f' * 6000}",
    "brackets": f"seed: {BRACKETS}",
    "brackets that are closed": f"seed: {BRACKETS}{']' * 20_000}",
    "a timestamp without digits": "seed: !!timestamp x",
    "an empty number": "seed: !!int ''",
    "a truth that is none": "seed: !!bool x",
    "a time zone beyond the sun": "seed: 2001-01-01 00:00:00 +99:99",
    "code": "seed: !!python/object/apply:os.system [id]",
    "itself": "seed: &a [*a]",
    "gigabytes": BOMB,
    "no text": "seed: \x00",
    "too much": "#" * (MOST_YAML_BYTES + 1),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_that_is_none_is_a_line_and_hides_no_other_run(runs_root: Path, kind: str) -> None:
    good = with_adapter(create_run(TINY))
    bad = create_run(TINY, runs_root / "9999-bad")
    (bad.folder / "config.yaml").write_text(CONFIGS[kind])
    begin = time.monotonic()
    assert str(bad.folder / "config.yaml") in refusal(lambda: bad.config)
    assert (summarize(bad).status, summarize(good).status) == ("unreadable", "done")
    first, second = run_list.rows()
    assert (first[0], first[3].startswith("unreadable: "), second[0]) == (bad.id, True, good.id)
    page = Followers().look()  # the newest run
    assert page is not None
    assert "config.yaml" in page.now
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("kind", CONFIGS)
def test_an_uploaded_config_and_a_setting_are_refused_in_a_line(tmp_path: Path, runs_root: Path, kind: str) -> None:
    (tmp_path / "mine.yaml").write_text(CONFIGS[kind])
    refusal(uploads.read_config, tmp_path / "mine.yaml")
    value = CONFIGS[kind].removeprefix("seed: ")
    refusal(override, TINY, [f"seed={value if len(value) < 50_000 else BRACKETS}"])


@given(st.text(max_size=60) | st.text("[]{}&*!:-? \n0123456789xabe'#|>", max_size=60))
def test_no_yaml_is_a_crash(text: str) -> None:
    refusal(lambda: parse(parse_yaml(text, "config.yaml")))


@given(st.binary(max_size=60) | st.text('[]{}",:0123456789.eE+-nulltrueNaN', max_size=60))
def test_no_json_is_a_crash(text: str | bytes) -> None:
    problems: tuple[str, ...] = ("run.json: is not JSON",)
    try:
        parse_json(text, "run.json")
    except UserError as error:
        problems = error.problems
    assert problems == ("run.json: is not JSON",)


def test_a_folder_in_a_files_place_is_a_line(tmp_path: Path) -> None:
    assert "cannot be read (Is a directory)" in refusal(read_yaml_file, tmp_path)


# Adapters


def adapter(folder: Path, header: object = None, config: str | None = None) -> Path:
    """A good one, but for a header, or a config, that is put in the place of its own."""
    folder.mkdir()
    names = [f"base_model.model.model.layers.0.self_attn.q_proj.lora_{part}.weight" for part in "AB"]
    save_file({name: torch.ones(4, 4) for name in names}, folder / adapters.WEIGHTS)
    good = {"peft_type": "LORA", "base_model_name_or_path": TINY.model.id, "r": 4, "lora_alpha": 8}
    (folder / adapters.CONFIG).write_text(config or json.dumps(good | {"target_modules": ["q_proj"]}))
    if header is not None:
        text = (header if isinstance(header, str) else json.dumps(header)).encode()
        (folder / adapters.WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + b"\1" * 64)
    return folder


def tensor(*offsets: object) -> dict[str, object]:
    return {"x.q_proj.lora_B.weight": {"dtype": "F32", "shape": [1], "data_offsets": list(offsets)}}


@pytest.mark.parametrize(
    "header",
    [
        BRACKETS, '{"a":' * 20_000, "[1, 2]", '{"x": 1}', f'{{"x": {"9" * 6000}}}', tensor(0, 2**62), tensor(-9, 8),
        tensor(8, 0), tensor(0.5, 8), tensor("0", "8"), tensor(0), tensor(True, 8), {"x.lora_B": {"shape": []}},
        tensor(0, 8), tensor(8, 64), {**tensor(0, 64), "y": {"data_offsets": [0, 64]}},
    ],
)  # fmt: skip
def test_a_hostile_header_is_a_line(tmp_path: Path, header: object) -> None:
    mine = adapter(tmp_path / "mine", header)
    problem = refusal(adapters.check, mine, TINY.model, "mine")
    assert problem.startswith("adapter mine: adapter_model.safetensors: ")
    assert len(problem.splitlines()) == 1


def test_a_header_that_claims_the_disk_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    with file.open("wb") as made:
        made.write((2**33).to_bytes(8, "little"))
        made.truncate(2**34)  # sparse: it takes no room
    assert "is not a safetensors file" in refusal(read_header, file)


def test_a_tensor_of_a_strange_name_is_a_line_or_nothing(tmp_path: Path) -> None:
    config = json.dumps({"peft_type": "LORA", "base_model_name_or_path": TINY.model.id, "target_modules": ".*"})
    names = enumerate(("lora_A", "lora_B", "", "a.lora_A"))
    header = {name: {"dtype": "U8", "shape": [16], "data_offsets": [16 * n, 16 * n + 16]} for n, name in names}
    mine = adapter(tmp_path / "mine", header, config)
    assert "adapter mine: target_modules: " in refusal(adapters.check, mine, TINY.model, "mine")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (BRACKETS, "adapter_config.json: is not JSON (nested too deep)"),
        ("{", "adapter_config.json: is not JSON"),
        ("[]", "adapter_config.json is not an adapter's config"),
        (f'{{"r": {"9" * 6000}}}', "adapter_config.json: is not JSON"),
        (" " * (adapters.MOST_CONFIG_BYTES + 1), "adapter_config.json: is larger than 4 MiB"),
        ('{"auto_map": {"AutoModel": "evil.Model"}}', "names Python code (auto_map), which is not run here"),
        ('{"peft_type": "LORA", "base_model_name_or_path": "' + "a\\u0000" * 400 + '"}', "was made for a"),
    ],
)
def test_a_hostile_adapter_config_is_a_line(tmp_path: Path, config: str, words: str) -> None:
    assert f"adapter mine: {words}" in refusal(
        adapters.check, adapter(tmp_path / "mine", config=config), TINY.model, "mine"
    ) or words in refusal(adapters.read_config, tmp_path / "mine", "mine")


def test_only_safetensors_are_read(tmp_path: Path) -> None:
    mine = adapter(tmp_path / "mine")
    (mine / adapters.WEIGHTS).rename(mine / "adapter_model.bin")
    assert refusal(adapters.check, mine, TINY.model, "mine") == "adapter mine: has no adapter_model.safetensors"


# Backups


@pytest.fixture
def run(runs_root: Path) -> Run:
    """A run that was stopped, with an adapter."""
    made = create_run(TINY)
    adapter(made.adapter)
    made.log.append(Started())
    return made


def tar_of(run: Run, file: Path, more: Mapping[str, bytes] = MappingProxyType({}), mode: str = "w") -> Path:
    """The run's backup, with more files in it."""
    for name, content in {"run.json": json.dumps({"run": run.id}).encode(), **more}.items():
        path = run.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with tarfile.open(file, mode) as tar:  # type: ignore[call-overload]
        for path in sorted(run.folder.rglob("*")):
            tar.add(path, path.relative_to(run.folder), recursive=False)
    shutil.rmtree(run.folder)
    return file


EVIL = [
    *(
        f"adapter/{name}"
        for name in ("evil.py", "adapter_model.bin", "training_args.bin", "x.pkl", "__pycache__/x.pyc")
    ),
    *(f"checkpoints/checkpoint-2/{name}" for name in ("training_args.bin", "evil.py", "x.so", "pytorch_model.bin")),
    *("unsloth_compiled_cache/x.py", "scratch/a.py", "evaluations/answers/x.jsonl", "trusted.json", "summary.json"),
    *("lock", "worker.log", "activity", ".compiled/x/record.json", "kernels/triton/x/kernel.cubin"),
]


def test_nothing_that_is_code_comes_out_of_a_backup_or_goes_into_one(run: Run, tmp_path: Path) -> None:
    file = tar_of(run, tmp_path / "evil.tar", dict.fromkeys(EVIL, b"evil"))
    restored = restore(file, None)
    there = {str(path.relative_to(restored.folder)) for path in restored.folder.rglob("*") if path.is_file()}
    assert there == {
        "config.yaml", "events.jsonl", "trusted.json",
        "adapter/adapter_config.json", "adapter/adapter_model.safetensors",
    }  # fmt: skip
    for path in EVIL:
        (restored.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (restored.folder / path).write_bytes(b"evil")
    assert set(archive.snapshot(restored, tmp_path / "copy")) == {*there, "run.json"} - {"trusted.json"}


@pytest.mark.parametrize(
    "nameplate", [BRACKETS, "{", "[]", "null", '{"run": 7}', '{"run": "../x"}', '{"run": "a\\n"}', " " * 10_000]
)
def test_a_hostile_nameplate_is_a_line(run: Run, tmp_path: Path, nameplate: str) -> None:
    file = tar_of(run, tmp_path / "evil.tar", {"run.json": nameplate.encode()})
    assert refusal(restore, file, None) == f"restore: {file} is not a run's backup"
    assert list(runs_folder().iterdir()) == []


def test_a_backup_larger_than_the_disk_is_refused_before_it_is_read(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "evil.tar"
    huge = tarfile.TarInfo("events.jsonl")
    huge.size = shutil.disk_usage(tmp_path).free + 2**30
    file.write_bytes(huge.tobuf(tarfile.GNU_FORMAT))
    with file.open("r+b") as sparse:  # it takes no room here
        sparse.truncate(huge.size + 2**20)
    assert "this disk has room for" in refusal(restore, file, None)


def test_a_compressed_backup_is_not_opened(run: Run, tmp_path: Path) -> None:
    """A few kB of it may stand for any size."""
    assert "is not a run's backup" in refusal(restore, tar_of(run, tmp_path / "bomb.tar", mode="w:gz"), None)


MINE = """
from pathlib import Path
Path(__file__).with_name("ran").touch()
def brief(prompts, completions, answer, **columns):
    return [0.0 for _ in completions]
"""


@pytest.fixture
def restored(runs_root: Path, tmp_path: Path) -> tuple[Run, str]:
    """A run from elsewhere, whose config names code that lies here; and what it names."""
    (tmp_path / "mine.py").write_text(MINE)
    name = f"{tmp_path}/mine.py:brief"
    small = ["evaluation.problems=8", "evaluation.probe_problems=0", "grpo.max_steps=1"]
    run = create_run(override(TINY, [*small, f"rewards={{{name}: 0.1, correctness: 1}}"]))
    adapter(run.adapter)
    return restore(tar_of(run, tmp_path / "run.tar"), None), name


def test_code_that_a_restored_run_names_is_not_run_unconfirmed(restored: tuple[Run, str], tmp_path: Path) -> None:
    run, name = restored
    for job in ("train", "preflight"):
        assert f"confirm it by name on the command line: resume {run.id} --trust-reward {name}" in refusal(
            launch.start, run, job
        )
    assert not (tmp_path / "ran").exists()
    assert "is a path; a reward of your own is code" in refusal(uploads.refuse_strange_paths, run.config)
    assert run.status() == "new"


def test_it_is_confirmed_by_its_name_on_the_command_line(restored: tuple[Run, str], cli: Cli, tmp_path: Path) -> None:
    run, name = restored
    assert_refused(cli("resume", run.id), f"--trust-reward {name}")
    assert_refused(cli("resume", run.id, "--trust-reward", "other.py:f"), f"those to confirm are {name}")
    assert not (tmp_path / "ran").exists()
    done = cli("resume", run.id, "--trust-reward", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "ran").exists()
    assert trust.unconfirmed(run) == []


def test_a_run_that_was_made_here_has_nothing_to_confirm(runs_root: Path) -> None:
    run = create_run(override(TINY, [f"rewards={{{ROOT}/mine.py:f: 1}}"]))
    assert not trust.is_foreign(run)
    assert trust.unconfirmed(run) == []
    assert "has no such reward; it has none to confirm" in refusal(trust.confirm, run, ["x.py:f"])
    (run.folder / trust.FILE).write_text(BRACKETS)
    assert trust.unconfirmed(run) == [f"{ROOT}/mine.py:f"]


def test_a_restored_run_whose_log_is_damaged_is_read_around_it(run: Run, tmp_path: Path) -> None:
    with run.log.path.open("ab") as log:
        log.write(BRACKETS.encode() + b"\n" + b'{"type":"step","step":' + b"9" * 400 + b',"seconds":1,"metrics":{}}\n')
    restored = restore(tar_of(run, tmp_path / "run.tar"), None)
    assert all_runs() == [restored]
    [alarm] = restored.history().alarms
    assert alarm.message.startswith("events.jsonl: lines 2 to 3 are damaged")
