"""Checks Ask both through vLLM, under the cap: does it stream both in one batch, and are the answers those of each
alone?

    python -m benchmarks.gpu.ask CHECKPOINTS RESULT.json [--model 8b] [--tokens 128]

The adapter's B is random, so that the tuned model answers otherwise. Exit status 1 where something is not as it should
be: the result says what.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import loaded, settings
from grpo_space.planning import hardware
from grpo_space.tasks.problems import messages

TIMES = 5
TIE = 0.1
"""Two tokens whose log-probabilities are so near are distinguished by the last bits of a sum, and a batch of two sums
in
another order than one alone. Random weights have such ties every few dozen tokens."""


class Heard:
    """Notes what `stream` emitted, and when."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.order: list[tuple[str, int, bool]] = []
        self.texts: dict[str, list[str]] = {"base": [], "tuned": []}
        self.first: dict[str, float] = {}

    def __call__(self, which: str, _sample: int, written: Any, done: bool) -> None:
        self.first.setdefault(which, time.monotonic() - self.began)
        self.order.append((which, written.tokens, done))
        self.texts[which].append(written.text)

    def token_by_token(self) -> bool:
        """Whether each answer grew by one token at a time."""
        counts = {which: [tokens for name, tokens, _ in self.order if name == which] for which in self.texts}
        return all(each == list(range(1, len(each) + 1)) and len(each) > 1 for each in counts.values())

    def at_once(self) -> bool:
        """Whether both had begun before either ended, and neither was ever more than two tokens ahead."""
        end = next(i for i, (_, _, done) in enumerate(self.order) if done)
        so_far, ahead = {"base": 0, "tuned": 0}, 0
        for which, tokens, _ in self.order[:end]:
            so_far[which] = tokens
            ahead = max(ahead, abs(so_far["base"] - so_far["tuned"]))
        return all(so_far.values()) and ahead <= 2


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--model", default="8b")
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    engine, config, found = loaded.load(arguments.checkpoints, arguments.model)
    make_random(engine)
    question = settings.rows(config)[0]["prompt"][-1]["content"]
    result = {
        "machine": f"{found}, memory capped to 14.56 GiB: not a T4's speed",
        "versions": hardware.versions(),
        "model": f"{arguments.model}, random weights, answers of {arguments.tokens} tokens",
        **measure(engine, messages(question, config.data.system_prompt), arguments.tokens),
    }
    arguments.result.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.result.read_text())
    return 0 if all(result["checks"].values()) else 1


def make_random(engine: Any) -> None:
    """Gives the adapter's B random values."""
    import torch

    torch.manual_seed(0)
    for name, weights in engine.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights.data, std=0.02)


def measure(engine: Any, prompt: list[dict[str, str]], tokens: int) -> dict[str, Any]:
    """Checks and times the streamed answers against those written alone."""
    from grpo_space.worker.engines.paired_stream import GoneError, stream

    def ask(emit: Any) -> float:
        began = time.monotonic()
        stream(engine, prompt, max_new_tokens=tokens, samples=1, sampling=None, emit=emit)
        return time.monotonic() - began

    def alone(which: str) -> Any:
        [written] = engine.write([prompt], adapter=which == "tuned", max_new_tokens=tokens, batch_size=1)
        return written

    def leave(*_: Any) -> None:
        raise GoneError

    ask(Heard()), alone("base"), alone("tuned")  # warms up
    together, in_turn, heard, answers = [], [], Heard(), {}
    for _ in range(TIMES):
        heard = Heard()
        together.append(ask(heard))
        began = time.monotonic()
        answers = {which: alone(which) for which in heard.texts}
        in_turn.append(time.monotonic() - began)
    try:
        ask(leave)
        left = False
    except GoneError:
        left = not engine.model.vllm_engine.llm_engine.has_unfinished_requests()
    parts = {which: parting(engine, prompt, tokens, which, heard.texts[which]) for which in answers}
    checks = {
        "token_by_token": heard.token_by_token(),
        "both_at_once": heard.at_once(),
        "base_and_tuned_differ": answers["base"].text != answers["tuned"].text,
        "who_leaves_frees_the_engine": left,
        "as_alone_but_for_ties": all(part["tie"] for part in parts.values()),
    }
    return {
        "checks": checks,
        "first_token_seconds": {which: round(after, 3) for which, after in heard.first.items()},
        "both_seconds": [round(value, 3) for value in together],
        "in_turn_seconds": [round(value, 3) for value in in_turn],
        "ratio_of_medians": round(statistics.median(together) / statistics.median(in_turn), 3),
        "same_as_alone": {which: heard.texts[which][-1] == answers[which].text for which in answers},
        "where_they_part": parts,
    }


def parting(engine: Any, prompt: list[dict[str, str]], tokens: int, which: str, streamed: list[str]) -> dict[str, Any]:
    """The first token at which the streamed answer is not the one written alone; None: it is the same to its end.
    `tie`:
    the streamed token is as likely as the likeliest.
    """
    from vllm import SamplingParams

    from grpo_space.worker.engines.unsloth_engine import LORA

    def generate(ids: list[int], sampling: Any) -> Any:
        lora = engine.model.load_lora(LORA, load_tensors=True) if which == "tuned" else None
        [output] = engine.model.vllm_engine.generate([{"prompt_token_ids": ids}], sampling, lora_request=lora)
        return output.outputs[0]

    engine.model.vllm_engine.llm_engine.vllm_config.model_config.max_logprobs = 10  # Unsloth allows none
    ids = engine.encode(prompt)
    alone = list(generate(ids, engine.decoding(tokens, None, 0)).token_ids)
    texts = [engine.read(alone[: i + 1]).text for i in range(len(alone))]
    part = next((i for i, (ours, theirs) in enumerate(zip(streamed, texts, strict=False)) if ours != theirs), None)
    if part is None:
        return {"token": None, "tie": len(streamed) == len(texts)}
    likely = generate(ids + alone[:part], SamplingParams(temperature=0.0, max_tokens=1, logprobs=10)).logprobs[0]
    best = max(each.logprob for each in likely.values())
    near = [engine.read([*alone[:part], token]).text for token, each in likely.items() if each.logprob > best - TIE]
    return {"token": part, "of": len(texts), "tie": streamed[part] in near}


if __name__ == "__main__":
    sys.exit(main())
