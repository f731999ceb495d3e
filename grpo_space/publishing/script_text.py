"""What stands in every script of a run as it is, whatever the run's config says."""

from string import Template

ABOUT = Template('''"""The run $name of GRPO Space as a plain script, with $libraries: what GRPO is, in one file.

For each prompt the model writes a group of completions. The reward functions below pay each of them; how much more than
its group's mean one earned, in the group's standard deviations, is its advantage. A step moves the adapter (LoRA, a few
small matrices beside the frozen model) towards completions with a positive advantage and away from the others. The
model is never shown an answer.

    $packages

Run it where the paths below lead somewhere. It prints what each step's completions earned, and saves the adapter.
Change whatever you like: all settings that differ from TRL's defaults are here.
$prompts"""

''')
CHOSEN = """
The run itself chose its prompts: for up to three quarters of a step it met problems again that had taught it something.
This script takes every problem in its turn, so it sees others, and what it learns will not be the same.
"""
IMPORTS = """
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from runpy import run_path
from typing import Any
"""
LIBRARIES = """
import torch
from datasets import Dataset, load_dataset
from huggingface_hub import snapshot_download
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PrinterCallback, TrainerCallback
from transformers import set_seed
from trl import GRPOConfig, GRPOTrainer
"""
UNSLOTH_FIRST = """
os.environ |= {"UNSLOTH_DISABLE_STATISTICS": "1", "VLLM_NO_USAGE_STATS": "1"}
os.environ |= {"UNSLOTH_VLLM_NO_FLASHINFER": "1", "VLLM_USE_FLASHINFER_SAMPLER": "0"}  # it would need nvcc
os.environ["UNSLOTH_GRPO_LOGPROB_RECOMPUTE"] = "1"  # its loss piece by piece: all in one takes minutes to compile
os.environ["TORCHINDUCTOR_VEC_ISA_OK"] = "0"  # nothing here runs on the CPU: not to look for AVX spares 16 s
from unsloth import FastLanguageModel  # isort: skip - it changes the others as they load

"""
ON_ANY_DEVICE = """
CUDA = torch.cuda.is_available()
BF16 = CUDA and torch.cuda.get_device_capability() >= (8, 0)
DTYPE = torch.float32 if not CUDA else torch.bfloat16 if BF16 else torch.float16
set_seed(SEED)  # the adapter begins at random, and changes nothing yet
"""
LOADED = """ends = model.generation_config.eos_token_id
STOP_IDS |= {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}

"""
FITTING = """

def fits(row: dict[str, Any]) -> bool:
    tokens = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=True, return_dict=False)
    return len(tokens) <= MAX_PROMPT_LENGTH


dataset = Dataset.from_list([row for row in prompts if fits(row)])
"""
PROGRESS = '''

class Progress(TrainerCallback):
    """Prints the mean reward of each step's completions, and of each function. They are noisy: few prompts a step."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "reward" in logs:
            means = (f"{reward.__name__} {logs[f'rewards/{reward.__name__}/mean']:.3f}" for reward in REWARDS)
            print(f"step {state.global_step} of {state.max_steps}: reward {logs['reward']:.3f}", *means, flush=True)


'''
TRAINER = """trainer = GRPOTrainer(
    model=model,
    reward_funcs=list(REWARDS),
    args=args,
    train_dataset=dataset,
    processing_class=tokenizer,
    callbacks=[Progress()],
)
trainer.remove_callback(PrinterCallback)
"""
FLOAT_ADAPTER = """if args.fp16:  # TRL makes a 4-bit model's adapter bfloat16, whose gradients fp16 cannot scale
    for parameter in filter(lambda each: each.requires_grad, model.parameters()):
        parameter.data = parameter.data.float()
"""
SAVE = """model.save_pretrained(OUTPUT, save_embedding_layers=False)
tokenizer.save_pretrained(OUTPUT)
print(f"The adapter is in {OUTPUT}")
"""
FOUR_BITS = """    quantization_config=BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=DTYPE,
    ),
"""
ON_A_GPU = """# The model, its weights frozen, with a fresh adapter.
BF16 = torch.cuda.get_device_capability() >= (8, 0)
DTYPE = torch.bfloat16 if BF16 else torch.float16
if not BF16:  # a T4
    os.environ["VLLM_ATTENTION_BACKEND"] = "TRITON_ATTN"  # FlashAttention needs compute capability 8.0
"""
READ_FILE = """
def read(file: str) -> list[dict[str, str]]:
    lines = Path(file).read_bytes().splitlines()
    return [problem(json.loads(line)) for line in lines if line.strip()]


"""
READ_HUB = Template("""
def read(split: str) -> list[dict[str, str]]:
    rows = map(problem, load_dataset(DATA, DATA_NAME, split=split$revision))
    return [row for row in rows if row["answer"]]


""")
HELD_OUT = Template("""rows = read($train)
pool = by_hash(rows)
tests = min($problems, len(pool) // 3)
probes = min($probes, (len(pool) - tests) // 10)
held_out = {same(row) for row in pool[: tests + probes]}  # never trained on: test yourself with the first of them
rows = [row for row in rows if same(row) not in held_out]

""")
HELD_OUT_TEST = Template("""rows = read($train)
held_out = {same(row) for row in by_hash(read($test))[:$problems]}
pool = [row for row in by_hash(rows) if same(row) not in held_out]
held_out |= {same(row) for row in pool[: min($probes, len(pool) // 10)]}  # GRPO Space probes with these in between
rows = [row for row in rows if same(row) not in held_out]

""")
ASKED_ALONE = """prompts = [{"prompt": [{"role": "user", "content": row["question"]}], **row} for row in rows]
"""
ASKED_AFTER_SYSTEM = """system = {"role": "system", "content": SYSTEM_PROMPT}
prompts = [{"prompt": [system, {"role": "user", "content": row["question"]}], **row} for row in rows]
"""
ALWAYS = """    output_dir=OUTPUT,
    seed=SEED,
    reward_weights=list(REWARDS.values()),
    max_completion_length=MAX_COMPLETION_LENGTH,
"""
EVERY_STEP = """    logging_steps=1,
    logging_nan_inf_filter=False,
    save_total_limit=2,
    report_to="none",
    disable_tqdm=True,
"""
ANY_ARGUMENTS = f"""{EVERY_STEP}    use_cpu=not CUDA,
    bf16=BF16,
    fp16=CUDA and not BF16,
    gradient_checkpointing=CUDA,
    dataloader_pin_memory=CUDA,
"""
GPU_ARGUMENTS = f"""{EVERY_STEP}    save_strategy="steps",
    bf16=BF16,
    fp16=not BF16,
    gradient_checkpointing=True,
    dataloader_pin_memory=True,
"""
VLLM_ARGUMENTS = """    use_vllm=True,
    vllm_mode="colocate",
    generation_kwargs={"detokenize": False},
"""
