"""A run whose adapter is made by hand: training one takes a minute."""

from pathlib import Path

from safetensors.numpy import load_file, save_file

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import adapters
from grpo_space.runs.events import Finished, Started
from grpo_space.runs.run import Run, create_run


def run_with_adapter(folder: Path, problems: int) -> Run:
    """A run that ended, with an adapter whose B is not zero."""
    from grpo_space.worker import download
    from grpo_space.worker.engines import base, plain
    from grpo_space.worker.engines.choice import choose

    config = override(read_preset("tiny").run, [f"evaluation.problems={problems}", "evaluation.batch_size=8"])
    made = create_run(config, folder)
    model = download.fetch(config.model)
    choice = choose(config, model.folder, None, vllm_died=False)
    base.save(plain.load(config, choice, model.folder, model.commit, None), made.adapter, config)
    weights = load_file(made.adapter / adapters.WEIGHTS)
    save_file({k: v + 0.002 if "lora_B" in k else v for k, v in weights.items()}, made.adapter / adapters.WEIGHTS)
    for event in (Started(), Finished(why="done")):
        made.log.append(event)
    return made
