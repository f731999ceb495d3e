"""Makes random-weight checkpoints of the presets' real architectures, with a byte-level BPE tokenizer of the right
size.

    python -m benchmarks.gpu.checkpoints FOLDER 8b,7b,1.5b,8b-16bit,1.5b-16bit

For each FOLDER/NAME: 16 bits where its name says so, else NF4 with double quantisation (5.2, 5.1 and 1.0 GiB), as the
presets' checkpoints on the Hub. About 40 s for the first three on an H200. Nothing is learnt: they serve to measure
memory and time, with completions that run to their full length.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from grpo_space.paths import PROJECT

ARCHITECTURES: dict[str, tuple[type[PreTrainedModel], PretrainedConfig]] = {
    "8b": (
        LlamaForCausalLM,
        LlamaConfig(
            vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
            num_key_value_heads=8, max_position_embeddings=8192, rms_norm_eps=1e-5, tie_word_embeddings=False,
        ),
    ),
    "7b": (
        Qwen2ForCausalLM,
        Qwen2Config(
            vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28,
            num_key_value_heads=4, max_position_embeddings=4096, tie_word_embeddings=False,
        ),
    ),
    "1.5b": (
        Qwen2ForCausalLM,
        Qwen2Config(
            vocab_size=151936, hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12,
            num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True,
        ),
    ),
}  # fmt: skip
WHOLE = "-16bit"
SPECIAL = ["<|pad|>", "<|bos|>", "<|eot|>", "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>"]
"""Transformers 5 adds `<|endoftext|>` to a Qwen2 tokenizer that lacks it: one token too many for the embedding."""
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|eot|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make_tokenizer(vocab_size: int, questions: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of that many tokens, learnt from the questions and filled up."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=4000, special_tokens=SPECIAL, show_progress=False, initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(questions, trainer)
    spec = json.loads(tokenizer.to_str())
    for index in range(len(spec["model"]["vocab"]), vocab_size):  # so that every id that a model samples decodes
        spec["model"]["vocab"][f"zz{index}zz"] = index
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(spec)), pad_token=SPECIAL[0], bos_token=SPECIAL[1],
        eos_token=SPECIAL[2], model_max_length=4096, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make(folder: Path, questions: list[str], kind: type[PreTrainedModel], config: PretrainedConfig) -> None:
    """Writes a checkpoint of that architecture: in 16 bits where the folder's name says so, else in NF4."""
    config.bos_token_id, config.eos_token_id, config.pad_token_id = 1, 2, 0
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = kind(config)
    torch.set_default_dtype(torch.float32)
    half = folder.with_name(folder.name + ".half")
    if folder.name.endswith(WHOLE):
        model.save_pretrained(half, max_shard_size="4GB")
        make_tokenizer(config.vocab_size, questions).save_pretrained(half)
        half.rename(folder)
        return
    nf4 = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder.parent) as whole:
        model.save_pretrained(whole, max_shard_size="4GB")
        del model
        quantised = AutoModelForCausalLM.from_pretrained(
            whole, quantization_config=nf4, device_map="cuda", dtype=torch.bfloat16
        )
    quantised.save_pretrained(half, max_shard_size="4GB")
    make_tokenizer(config.vocab_size, questions).save_pretrained(half)
    half.rename(folder)
    print(f"{folder.name}: 4-bit weights {quantised.get_memory_footprint() / 2**30:.2f} GiB", flush=True)


def main(folder: str, names: str) -> None:
    lines = (PROJECT / "presets/tiny/train.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    for name in names.split(","):
        Path(folder).mkdir(parents=True, exist_ok=True)
        make(Path(folder) / name, questions, *ARCHITECTURES[name.removesuffix(WHOLE)])
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(*sys.argv[1:])
