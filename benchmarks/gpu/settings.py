"""The settings and problems that all contenders share."""

import json
from pathlib import Path
from typing import Any

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.paths import PROJECT
from grpo_space.presets import read_preset

PRESETS = {
    "8b": "llama-3.1-8b", "7b": "qwen2.5-math-7b", "1.5b": "qwen2.5-1.5b",
    "science": "science-1.5b", "code": "code-1.5b",
}  # fmt: skip
SHAPES = {"science": "1.5b", "code": "1.5b"}
"""Whose checkpoint serves, where it is not a model's own."""
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def config_of(model: str, checkpoints: Path, *settings: str) -> RunConfig:
    """The preset's config on random weights and local problems: few of them evaluated, none probed."""
    local = [
        f"model.id={checkpoints / SHAPES.get(model, model)}", f"data.path={problems(model, checkpoints)}",
        "evaluation.problems=1", "evaluation.probe_problems=0", "grpo.save_steps=1000",
    ]  # fmt: skip
    return override(read_preset(PRESETS[model]).run, [*local, *settings])


def problems(model: str, checkpoints: Path) -> Path:
    """A file of local problems of the preset's kind: what they ask does not matter to random weights."""
    if model == "science":
        made = [
            {"question": f"What is {n} and {n}?", "choices": [str(2 * n + d) for d in range(4)], "answerKey": "A"}
            for n in range(500)
        ]
    elif model == "code":
        made = [
            {"text": f"Write a function add{n} that adds {n}.", "code": f"def add{n}(a):\n    return a + {n}",
             "test_list": [f"assert add{n}(1) == {n + 1}", f"assert add{n}(0) == {n}"], "test_setup_code": ""}
            for n in range(500)
        ]  # fmt: skip
    else:
        return PROJECT / "presets/tiny/train.jsonl"
    file = checkpoints / f"{model}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    return file


def rows(config: RunConfig) -> list[dict[str, Any]]:
    """The problems as a plain script would make them."""
    assert config.data.path is not None
    lines = Path(config.data.path).read_text(encoding="utf-8").splitlines()[:500]
    system = {"role": "system", "content": config.data.system_prompt}
    return [
        {"prompt": [system, {"role": "user", "content": row["question"]}], "answer": row["answer"]}
        for row in map(json.loads, lines)
    ]


def correct(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    """A reward of 1.0 where the right answer stands anywhere."""
    return [
        float(gold.split("####")[1].strip() in c[0]["content"]) for c, gold in zip(completions, answer, strict=True)
    ]


def arguments(config: RunConfig, output: Path) -> dict[str, Any]:
    """GRPOConfig's arguments, equal for all contenders."""
    grpo = config.grpo
    return {
        "output_dir": str(output), "max_steps": grpo.max_steps, "learning_rate": grpo.learning_rate, "fp16": True,
        "num_generations": grpo.num_generations, "per_device_train_batch_size": grpo.per_device_train_batch_size,
        "gradient_accumulation_steps": grpo.gradient_accumulation_steps, "loss_type": grpo.loss_type, "beta": grpo.beta,
        "max_completion_length": grpo.max_completion_length, "optim": grpo.optim, "weight_decay": grpo.weight_decay,
        "max_grad_norm": grpo.max_grad_norm, "logging_steps": 1, "report_to": "none", "save_strategy": "no",
    }  # fmt: skip
