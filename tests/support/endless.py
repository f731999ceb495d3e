"""The embedded model, but nothing that it writes ends an answer: for what happens in mid-answer."""

import shutil
import statistics
import time
from pathlib import Path

from grpo_space.config import RunConfig
from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.runs import ask_client
from grpo_space.runs.run import Run
from tests.support.processes import ROOT

TOKENS = 1900


def at_once(run: Run) -> float:
    """Seconds within which nobody waits for such an answer: half of what one takes on this machine at least, as the
    first tokens are the quickest. Of five stretches of 20 tokens the median counts: others may have the machine for a
    moment. A first token takes a hundredth.
    """
    answering, came = ask_client.ask(run, ask_client.question("How many?")), list[float]()
    for told in answering:
        if told.get("which") == "tuned":
            came.append(time.monotonic())
            if len(came) > 100:
                answering.close()
    stretches = (after - before for before, after in zip(came[::20], came[20::20], strict=False))
    return statistics.median(stretches) / 20 * TOKENS / 2


def config(folder: Path) -> RunConfig:
    """Of a run whose answers have TOKENS tokens, on a copy of the model in `folder`."""
    copy = shutil.copytree(ROOT / "presets/tiny/model", folder / "endless")
    for name, ends, never in (
        ("tokenizer_config.json", '"eos_token": "<|end|>"', '"eos_token": "<|pad|>"'),
        ("special_tokens_map.json", '"eos_token": "<|end|>"', '"eos_token": "<|pad|>"'),
        ("generation_config.json", '"eos_token_id": 1', '"eos_token_id": 0'),
        ("config.json", '"eos_token_id": 1', '"eos_token_id": 0'),
    ):
        said = (copy / name).read_text()
        assert ends in said
        (copy / name).write_text(said.replace(ends, never))
    settings = [f"model.id={copy}", "data.max_prompt_length=100", f"grpo.max_completion_length={TOKENS}"]
    return override(read_preset("tiny").run, settings)
