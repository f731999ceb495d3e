"""What was compiled is kept for the next worker, in private; what cannot be trusted is thrown away."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from grpo_space.config_io import override
from grpo_space.planning.hardware import Gpu
from grpo_space.presets import read_preset
from grpo_space.runs import archive
from grpo_space.runs.run import all_runs, create_run, find_run
from grpo_space.worker import compiled
from grpo_space.worker.compiled import CACHES, Compiled
from grpo_space.worker.engines.choice import Choice

T4 = Gpu("Tesla T4", 15.0, "535.216.01", (7, 5))
L4 = Gpu("NVIDIA L4", 22.5, "550.54.15", (8, 9))
VLLM = Choice("unsloth", "vllm", "")
PRESET = read_preset("qwen2.5-1.5b").run


@pytest.fixture
def kernels(runs_root: Path) -> Compiled:
    """What is compiled on a T4, with a kernel in it, as a worker leaves it after its first step."""
    made = compiled.of(PRESET, VLLM, T4)
    environment = made.prepare()
    made.begins("load")
    kernel = Path(environment["TRITON_CACHE_DIR"]) / "abc/kernel.cubin"
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(b"kernel")
    made.ended("load", 80.0)
    made.begins("first_step")
    made.ended("first_step", 40.0)
    return made


def there(kernels: Compiled) -> list[str]:
    return [path.name for path in kernels.kernels.rglob("*") if path.is_file()]


def test_it_is_kept_in_private_beside_the_runs(kernels: Compiled, runs_root: Path) -> None:
    environment = compiled.of(PRESET, VLLM, T4).prepare()
    assert there(kernels) == ["kernel.cubin"]
    assert environment.keys() == CACHES.keys()
    assert {Path(folder).parent for folder in environment.values()} == {kernels.kernels}
    for folder in (runs_root / ".compiled", kernels.folder, kernels.kernels):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_what_lay_elsewhere_when_it_was_compiled_is_thrown_away(
    kernels: Compiled, runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM's own files name each other by their whole paths."""
    moved = runs_root.rename(runs_root.with_name("moved"))
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(moved))
    elsewhere = compiled.of(PRESET, VLLM, T4)
    assert elsewhere.prepare()
    assert elsewhere.folder.parent == moved / ".compiled"
    assert not list(moved.rglob("kernel.cubin"))
    assert elsewhere.expected("load") is None


def test_how_long_it_takes_is_known_by_what_is_there(kernels: Compiled) -> None:
    assert kernels.expected("load") is None  # warm it was not measured yet
    for load, step in ((30.0, 20.0), (31.0, 21.0)):
        kernels.prepare()
        kernels.begins("load")
        kernels.ended("load", load)
        kernels.ended("first_step", step)
        assert (kernels.expected("load"), kernels.expected("first_step")) == (load, step)
    kernels.begins("load")  # and dies
    kernels.prepare()
    assert (kernels.expected("load"), kernels.expected("first_step")) == (80.0, 40.0)
    larger = compiled.of(override(PRESET, ["grpo.max_completion_length=896"]), VLLM, T4)
    assert larger.expected("load") is None


def dies(kernels: Compiled) -> None:
    kernels.begins("load")


def breaks_record(kernels: Compiled) -> None:
    (kernels.folder / "record.json").write_bytes(b'{"compiling": "')


def loses_record(kernels: Compiled) -> None:
    (kernels.folder / "record.json").unlink()


@pytest.mark.parametrize("fate", [dies, breaks_record, loses_record])
def test_what_a_kill_may_have_left_in_half_is_thrown_away(kernels: Compiled, fate: Callable[[Compiled], None]) -> None:
    fate(kernels)
    assert kernels.prepare().keys() == CACHES.keys()
    assert there(kernels) == []
    kernels.begins("load")
    kernels.ended("load", 81.0)
    assert kernels.expected("first_step") in (40.0, None)  # cold, or lost with the record
    kernels.prepare()
    assert kernels.expected("load") is None  # and from here on it is kept again


def test_too_much_is_thrown_away(kernels: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_BYTES", 5)
    kernels.prepare()
    assert there(kernels) == []
    assert kernels.expected("load") == 80.0


def test_other_cards_and_packages_have_none_of_it(kernels: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "versions", lambda: {"torch": "3.0"})
    newer = compiled.of(PRESET, VLLM, T4)
    assert len({kernels.folder, newer.folder, compiled.of(PRESET, VLLM, L4).folder}) == 3
    newer.prepare()
    assert not kernels.folder.exists()


def test_a_folder_that_others_may_write_is_taken_back_and_one_of_theirs_is_not_used(
    kernels: Compiled, tmp_path: Path, runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels.kernels.chmod(0o777)
    kernels.prepare()
    assert kernels.kernels.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert kernels.prepare() == {}
    monkeypatch.undo()
    elsewhere = tmp_path / "elsewhere"
    (runs_root / ".compiled").rename(elsewhere)
    (runs_root / ".compiled").symlink_to(elsewhere)
    monkeypatch.setenv("GRPO_SPACE_RUNS", str(runs_root))
    assert kernels.prepare() == {}


def test_a_disk_that_refuses_does_not_stop_a_worker(runs_root: Path) -> None:
    runs_root.parent.joinpath("runs").write_bytes(b"a file")
    made = compiled.of(PRESET, VLLM, T4)
    assert made.prepare() == {}
    made.begins("load")
    made.ended("load", 1.0)
    assert made.expected("load") is None


def test_it_is_no_run_and_in_no_copy_of_one(kernels: Compiled, tmp_path: Path) -> None:
    """It is code: a backup, a restore and a repository hold none of it."""
    (kernels.folder / "config.yaml").write_text("name: kernels")
    (kernels.folder.parent / "config.yaml").write_text("name: kernels")
    run = create_run(PRESET)
    assert [each.id for each in all_runs()] == [run.id]
    copied = archive.snapshot(run, tmp_path / "copy", without_checkpoint=True)
    assert set(copied) == {"config.yaml", "run.json"}
    assert not any(archive.is_kept(f"{place}kernels/triton/abc/kernel.cubin") for place in ("", ".compiled/key/"))
    assert archive.RUN_ID.fullmatch(".compiled") is None
    assert find_run(run.id) == run
