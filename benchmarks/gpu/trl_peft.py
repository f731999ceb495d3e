"""Trains by TRL with PEFT and bitsandbytes, as its documentation shows: `… TURNS NAME CONTENDERS CONFIG`."""

import sys
import tempfile
from pathlib import Path

sys.modules["vllm"] = None  # type: ignore[assignment]  # TRL imports it where it is installed

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from benchmarks.gpu import cap, settings
from benchmarks.gpu.turns import Turns
from grpo_space.config_io import parse
from grpo_space.foreign import read_yaml_file


def main(turns_folder: str, name: str, contenders: str, config_file: str) -> None:
    cap.apply()
    config = parse(read_yaml_file(Path(config_file)))
    known = AutoConfig.from_pretrained(config.model.id)
    known.quantization_config["bnb_4bit_compute_dtype"] = "float16"
    model = AutoModelForCausalLM.from_pretrained(config.model.id, config=known, device_map={"": 0}, dtype=torch.float16)
    turns = Turns(Path(turns_folder), name, int(contenders), config.grpo.completions_per_step)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=[settings.correct],
        args=GRPOConfig(**settings.arguments(config, Path(tempfile.mkdtemp()))),
        train_dataset=Dataset.from_list(settings.rows(config)),
        processing_class=AutoTokenizer.from_pretrained(config.model.id, padding_side="left"),
        peft_config=LoraConfig(
            r=config.lora.r, lora_alpha=config.lora.lora_alpha, target_modules=settings.TARGETS, task_type="CAUSAL_LM"
        ),
    )
    turns.watch(trainer)
    for parameter in trainer.model.parameters():  # TRL makes a 4-bit model's adapter bfloat16, which fp16 cannot scale
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    trainer.train()
    turns.keep()


if __name__ == "__main__":
    main(*sys.argv[1:])
