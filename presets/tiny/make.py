"""Makes the embedded model from nothing: problems, tokenizer, supervised training. `python -m presets.tiny.make`"""

import argparse
import contextlib
import json
import random
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from presets.tiny.measure import answers, is_correct, read_rows
from presets.tiny.nf4 import in_four_bits
from presets.tiny.problems import Kind, Problem, problems, styles

HERE = Path(__file__).parent
TEST_ROWS: dict[Kind, int] = {"numbers": 300, "phrasing": 50, "type": 50}
GRPO_ROWS = 2000
TAGS = ["<reasoning>", "</reasoning>", "<answer>", "</answer>"]
PAD, EOS, ASSISTANT = "<|pad|>", "<|end|>", "<|assistant|>"
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% else %}{{ message['content'] + '\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def write_rows(folder: Path, seed: int) -> None:
    """train.jsonl and test.jsonl, in GSM8K's format and the kind of each test row."""

    def write(path: Path, rows: Iterable[tuple[str, Problem]]) -> None:
        lines = [json.dumps({"question": p.question, "answer": p.gsm8k(), "kind": kind}) for kind, p in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    test = [(kind, p) for kind, n in TEST_ROWS.items() for p in islice(problems(seed, "test", kind), n)]
    train = [("numbers", p) for p in islice(problems(seed, "grpo"), GRPO_ROWS)]
    random.Random(seed).shuffle(train)
    write(folder / "test.jsonl", test)
    write(folder / "train.jsonl", train)


def make_tokenizer(texts: list[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE, so that any text round-trips; every digit is a token, and so are ` + ` and its like."""
    tokenizer = Tokenizer(models.BPE())
    pieces = Regex(r"\p{N}| [-+*/=] | ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pieces, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in (PAD, EOS, ASSISTANT)]
    tags = [AddedToken(text, special=False, normalized=False) for text in TAGS]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(tags),
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(tags)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        padding_side="left",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=2048,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


def encode(tokenizer: PreTrainedTokenizerFast, pairs: list[tuple[str, str]], device: str) -> tuple[Tensor, Tensor]:
    """(token ids, labels), both [n, longest]: labels are -100 on the prompt and the padding."""
    prompts = tokenizer([f"{question}\n{ASSISTANT}" for question, _ in pairs]).input_ids
    completions = tokenizer([completion + EOS for _, completion in pairs]).input_ids
    longest = max(len(p) + len(c) for p, c in zip(prompts, completions, strict=True))
    ids = torch.full((len(pairs), longest), tokenizer.pad_token_id)
    labels = torch.full((len(pairs), longest), -100)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        ids[row, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        labels[row, len(prompt) : len(prompt) + len(completion)] = torch.tensor(completion)
    return ids.to(device), labels.to(device)


def make_model(tokenizer: PreTrainedTokenizerFast, vocab_size: int, layers: int) -> Qwen3ForCausalLM:
    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=vocab_size,
            hidden_size=256,
            intermediate_size=768,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=64,
            max_position_embeddings=2048,
            tie_word_embeddings=False,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def train(
    model: Qwen3ForCausalLM,
    phases: list[tuple[tuple[Tensor, Tensor], int]],
    batch_size: int,
    lr: float,
    seed: int,
    four_bit_share: float,
    noise: float,
    words: Tensor,
) -> None:
    """Supervised training: each phase is its corpus and its steps. Muon for the matrices, AdamW for the rest.

    The rate falls to zero over the last half of all steps; then a share of the steps runs on 4-bit weights, so that
    the model also works when it is loaded that way. `noise` is the chance of a question's word to be replaced by a
    random one of `words` (token ids): so the model cannot lean on one wording alone.
    """
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "layers" not in name]
    optimizers = [
        torch.optim.Muon(matrices, lr=lr, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    rng = random.Random(seed)
    draws = torch.Generator(model.device).manual_seed(seed)
    total = sum(steps for _, steps in phases)
    step, started = 0, time.monotonic()
    for (ids, labels), steps in phases:
        for _ in range(steps):
            rate = lr * min(1.0, (step + 1) / 100, 2 * (total - step) / total)
            for optimizer in optimizers:
                optimizer.param_groups[0]["lr"] = rate
            rows = torch.randint(len(ids), (batch_size,), generator=draws, device=model.device)
            inputs, targets = ids[rows], labels[rows]
            drawn = torch.rand(inputs.shape, generator=draws, device=model.device) < noise
            swaps = words[torch.randint(len(words), inputs.shape, generator=draws, device=model.device)]
            inputs = torch.where(drawn & (targets == -100) & torch.isin(inputs, words), swaps, inputs)
            four_bits = 2 * step > total and rng.random() < four_bit_share
            with (
                in_four_bits(model) if four_bits else contextlib.nullcontext(),
                torch.autocast(model.device.type, torch.bfloat16, enabled=model.device.type == "cuda"),
            ):
                loss = model(input_ids=inputs, labels=targets).loss
                loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            step += 1
            if step % 500 == 0 or step == total:
                print(f"step {step}/{total} loss {loss.item():.4f} {time.monotonic() - started:.0f} s", flush=True)


def for_every_transformers(folder: Path) -> None:
    """Transformers 5 writes a tokenizer class that 4.57 does not know; both write the dtype of the file, not of use."""
    for name, change in (
        ("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"}),
        ("config.json", {"dtype": "float32"}),
    ):
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text()) | change, indent=2, sort_keys=True) + "\n")


def report(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, test: Path) -> None:
    rows = read_rows(test)
    questions = [row["question"] for row in rows]
    for name, show_work, four_bits in [
        ("greedy", False, False),
        ("greedy, 4 bits", False, True),
        ("shows its work", True, False),
        ("shows its work, 4 bits", True, True),
    ]:
        with in_four_bits(model) if four_bits else contextlib.nullcontext():
            completions = list(answers(model, tokenizer, questions, show_work=show_work))
        right = [is_correct(c, row) for c, row in zip(completions, rows, strict=True)]
        kinds = [
            f"{k} {sum(r for r, row in zip(right, rows, strict=True) if row['kind'] == k)}/{n}"
            for k, n in TEST_ROWS.items()
        ]
        print(f"{name}: {sum(right)}/{len(rows)}; " + ", ".join(kinds), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="where train.jsonl, test.jsonl and model/ go")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--vocab-size", type=int, default=640)
    parser.add_argument("--corpus", type=int, default=120_000, help="supervised problems")
    parser.add_argument("--full-steps", type=int, default=2000, help="steps on worked answers alone")
    parser.add_argument("--mix-steps", type=int, default=500, help="steps on the mix of styles")
    parser.add_argument(
        "--full-if-shown", type=float, default=0.62, help="worked answers among types that show their work"
    )
    parser.add_argument("--full-if-not", type=float, default=0.12, help="worked answers among the other types")
    parser.add_argument("--four-bit-share", type=float, default=0.5)
    parser.add_argument("--noise", type=float, default=0.08, help="random words in the questions")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    started = time.monotonic()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)

    write_rows(args.out, seed=0)
    corpus = list(islice(problems(1, "supervised"), args.corpus))
    held_out = {row["question"] for name in ("train", "test") for row in read_rows(args.out / f"{name}.jsonl")}
    assert held_out.isdisjoint(p.question for p in corpus), "a held-out question is in the supervised corpus"
    full = [(p.question, p.completion("full")) for p in corpus]
    mixed = [
        (p.question, p.completion(styles(rng, p.story.shows_work, args.full_if_shown, args.full_if_not)))
        for p in corpus
    ]
    tokenizer = make_tokenizer([text for pair in mixed[:20_000] for text in pair], args.vocab_size)
    phases = [
        (encode(tokenizer, full, args.device), args.full_steps),
        (encode(tokenizer, mixed, args.device), args.mix_steps),
    ]
    longest = phases[0][0][0].shape[1]
    print(f"{len(corpus)} problems, {longest} tokens at most, {time.monotonic() - started:.0f} s", flush=True)

    model = make_model(tokenizer, args.vocab_size, args.layers).to(args.device)
    words = torch.tensor(
        [i for text, i in tokenizer.get_vocab().items() if text.strip("Ġ").isalpha()], device=args.device
    )
    train(model, phases, args.batch_size, args.lr, args.seed, args.four_bit_share, args.noise, words)
    tokenizer.save_pretrained(args.out / "model")
    model.half().save_pretrained(args.out / "model")
    for_every_transformers(args.out / "model")
    report(model.float(), tokenizer, args.out / "test.jsonl")
    print(f"done, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
