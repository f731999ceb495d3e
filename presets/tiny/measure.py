"""Generates answers with a model and scores them, as the ablations and the recipe need it."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel, PreTrainedTokenizerBase

EXACT_FORMAT = re.compile(r"\s*<reasoning>.+</reasoning>\s*<answer>[^<]+</answer>\s*", re.DOTALL)


class StartsWith(LogitsProcessor):
    """Lets the first generated token be one of some only: whoever starts with a number shows the work, say."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str], prompt_length: int):
        self.allowed = tokenizer.convert_tokens_to_ids(list(tokens))
        self.prompt_length = prompt_length

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if input_ids.shape[1] > self.prompt_length:
            return scores
        only_allowed = torch.full_like(scores, -torch.inf)
        only_allowed[:, self.allowed] = scores[:, self.allowed]
        return only_allowed


def read_rows(path: Path) -> list[dict[str, str]]:
    """The problems in a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def final_answer(completion: str) -> str | None:
    """The number in the answer tag, else the last number."""
    tag = re.search(r"<answer>\s*(-?\d+)\s*</answer>", completion)
    numbers = re.findall(r"-?\d+", completion)
    return tag[1] if tag else numbers[-1] if numbers else None


def is_correct(completion: str, row: dict[str, str]) -> bool:
    """Whether a completion's final answer is the row's."""
    return final_answer(completion) == row["answer"].split("####")[1].strip()


@torch.inference_mode()
def answers(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    questions: list[str],
    sample: bool = False,
    show_work: bool = False,
    batch_size: int = 128,
    max_new_tokens: int = 64,
    work: Sequence[str] = "0123456789",
) -> Iterator[str]:
    """One completion for each question; `show_work` forces the full style: the tag, then one of the tokens that
    `work` begins with."""
    model.eval()
    opening = "<reasoning>\n" if show_work else ""
    for start in range(0, len(questions), batch_size):
        chats = [[{"role": "user", "content": q}] for q in questions[start : start + batch_size]]
        prompts = [
            tokenizer.apply_chat_template(c, tokenize=False, add_generation_prompt=True) + opening for c in chats
        ]
        inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False).to(model.device)
        length = inputs.input_ids.shape[1]
        forced = LogitsProcessorList([StartsWith(tokenizer, work, length)] if show_work else [])
        output = model.generate(
            **inputs,
            do_sample=sample,
            temperature=1.0 if sample else None,
            top_k=0 if sample else None,
            top_p=1.0 if sample else None,
            max_new_tokens=max_new_tokens,
            logits_processor=forced,
        )
        for completion in tokenizer.batch_decode(output[:, length:], skip_special_tokens=True):
            yield opening + completion
