"""What of the GPU benchmark needs no GPU: its contenders, where a step's time goes, a T4's kernels."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks.gpu import __main__ as benchmark
from benchmarks.gpu import compile_for_t4, several
from benchmarks.gpu.parts import Parts
from grpo_space.planning.gpus import NEEDS, chosen
from grpo_space.runs.fallbacks import share_of
from grpo_space.worker.compiled import CACHES
from grpo_space.worker.custom_reward import functions


def test_a_model_stands_for_its_three_programs() -> None:
    assert benchmark.expanded(["8b", "worker/7b"], 4) == [
        "worker/8b", "unsloth_recipe/8b", "trl_peft/8b/grpo.max_steps=2", "worker/7b",
    ]  # fmt: skip
    assert benchmark.expanded(["8b"], 1)[-1] == "trl_peft/8b/grpo.max_steps=1"
    config = benchmark.config_of("worker/8b/grpo.num_generations=12", Path("/somewhere"), 3)
    assert (config.model.id, config.grpo.max_steps, config.grpo.num_generations) == ("/somewhere/8b", 3, 12)


def test_each_compiles_into_a_folder_of_its_own(tmp_path: Path) -> None:
    names = [*CACHES, "TMPDIR", "GRPO_SPACE_RUNS"]  # Unsloth's recipe keeps Inductor's below TMPDIR
    one, other = (benchmark.environment(tmp_path / each) for each in ("worker-8b", "worker-7b"))
    mine = [{each[name] for name in names if name != "TORCHINDUCTOR_CACHE_DIR"} for each in (one, other)]
    assert not mine[0] & mine[1]


def test_one_that_fails_is_in_the_result_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result, keep, caches = tmp_path / "result.json", tmp_path / "keep", tmp_path / "caches"
    monkeypatch.setattr(
        sys, "argv", ["", str(tmp_path), str(result), "absent/8b", "--keep", str(keep), "--caches", str(caches)]
    )
    assert benchmark.main() == 1
    [failed] = json.loads(result.read_text())["contenders"]
    assert failed["name"] == "absent/8b"
    assert "No module named benchmarks.gpu.absent" in failed["failed"]
    assert "absent/8b ended with 1" in capsys.readouterr().out
    assert {file.name for file in keep.iterdir()} == {"absent-8b.come", "absent-8b.log", "absent-8b.yaml"}


def test_a_steps_parts_are_the_whole_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)

    def works(*_: object) -> str:
        time.sleep(0.01)
        return "done"

    model, accelerator = SimpleNamespace(generate=works), SimpleNamespace(backward=works, scaler=None)
    trainer = SimpleNamespace(model=model, accelerator=accelerator, compute_loss=works, reward_funcs=[works, works])
    parts = Parts()
    parts.watch(trainer)
    for _ in range(2):
        began = time.monotonic()
        assert trainer.model.generate("prompt") == "done"
        assert [pays("completion") for pays in trainer.reward_funcs] == ["done", "done"]
        for _micro_batch in range(3):
            trainer.compute_loss()
            trainer.accelerator.backward()
        whole = time.monotonic() - began
        parts.ends(whole)
        step = parts.steps[-1]
        assert sum(step.values()) == pytest.approx(whole)
        least = {"writing": 0.01, "rewards": 0.02, "loss": 0.03, "backward": 0.03}
        assert all(step[name] >= seconds for name, seconds in least.items())
        assert step.keys() == {*least, "rest"}
    assert parts.figures()["loss_scale"] == [1.0, 1.0]
    assert len(parts.figures()["parts"]) == 2


def test_each_kernel_is_compiled_once_without_what_newer_cards_have(tmp_path: Path) -> None:
    newer = "module {\n  tt.inline griddepcontrol.wait\n  tt.return\n}\n"
    for folder, ir, options in (
        ("a/triton/x", newer, {"num_warps": 8, "num_stages": 3}),
        ("b/triton/y", "module {\n  tt.return\n}\n", {"num_warps": 8, "num_stages": 3}),
        ("b/triton/z", newer, None),
    ):
        file = tmp_path / folder / "kernel.ttir"
        file.parent.mkdir(parents=True)
        file.write_text(ir)
        if options is not None:
            file.with_suffix(".json").write_text(json.dumps({**options, "name": "kernel"}))
    found = list(compile_for_t4.kernels(tmp_path))
    assert {kernel.ir for kernel in found} == {"module {\n  tt.return\n}\n"}
    assert [(kernel.name, kernel.num_warps, kernel.num_stages) for kernel in found] == [
        ("kernel", 8, 3),
        ("kernel", 4, 2),
    ]


@pytest.mark.parametrize("model", ["1.5b", "8b"])
def test_each_of_several_gpus_gets_as_many_completions_as_one(model: str) -> None:
    for count in (1, 2, 4):
        config = several.whole(model, Path("/somewhere"), count, 64)
        assert share_of(config, count).grpo.completions_per_step == 64
        assert chosen(config, 4, dict.fromkeys(NEEDS, "99.0")).count == count


def test_random_weights_earn_what_can_move_their_adapter() -> None:
    [paid] = functions(several.whole("1.5b", Path("/somewhere"), 2, 64)).values()
    rewards = paid(completions=[[{"role": "assistant", "content": text}] for text in ("zz12zz", "!!", "")])
    assert rewards == [pytest.approx(4 / 6), 0.0, 0.0]
