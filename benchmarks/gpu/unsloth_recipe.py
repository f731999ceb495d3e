"""Trains by Unsloth's T4 recipe as a plain script: `… TURNS NAME CONTENDERS CONFIG`."""

import os
import sys
import tempfile
from pathlib import Path

os.environ |= {"UNSLOTH_VLLM_NO_FLASHINFER": "1", "UNSLOTH_DISABLE_STATISTICS": "1"}

from benchmarks.gpu import cap

cap.apply()

from unsloth import FastLanguageModel  # isort: skip
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from benchmarks.gpu import settings
from benchmarks.gpu.turns import Turns
from grpo_space.config_io import parse
from grpo_space.foreign import read_yaml_file


def main(turns_folder: str, name: str, contenders: str, config_file: str) -> None:
    config = parse(read_yaml_file(Path(config_file)))
    os.chdir(tempfile.gettempdir())  # Unsloth writes what it compiles there
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=config.model.id, max_seq_length=config.model.max_seq_length, load_in_4bit=True, fast_inference=True,
        max_lora_rank=config.lora.r, gpu_memory_utilization=0.6, dtype=torch.float16,
    )  # fmt: skip
    model = FastLanguageModel.get_peft_model(
        model, r=config.lora.r, target_modules=settings.TARGETS, lora_alpha=config.lora.lora_alpha,
        use_gradient_checkpointing="unsloth", random_state=3407,
    )  # fmt: skip
    turns = Turns(Path(turns_folder), name, int(contenders), config.grpo.completions_per_step)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[settings.correct],
        args=GRPOConfig(**settings.arguments(config, Path(tempfile.mkdtemp())), use_vllm=True),
        train_dataset=Dataset.from_list(settings.rows(config)),
        processing_class=tokenizer,
    )
    turns.watch(trainer)
    trainer.train()
    turns.keep()


if __name__ == "__main__":
    main(*sys.argv[1:])
