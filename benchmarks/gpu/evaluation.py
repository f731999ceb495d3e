"""Measures the evaluation beside vLLM's own offline batch of the same prompts, in turns, under the cap.

    python -m benchmarks.gpu.evaluation CHECKPOINTS RESULT.json [--model 8b] [--problems 128] [--tokens 256]

The problems are those of a benchmark's made sets, up to 1,140: fresh ones of all levels, and instructions. Puzzles need
a package that requirements.txt does not have.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu import loaded
from grpo_space.planning import hardware
from grpo_space.tasks import suite
from grpo_space.tasks.problems import messages

PAIRS = 3
BATCHES = (1, 6, 12, 24, 48)


def decode(engine: Any) -> dict[str, dict[str, float]]:
    """Milliseconds a token of so many completions at once, by who writes: how much a larger group costs."""
    found: dict[str, dict[str, float]] = {"base": {}, "tuned": {}}
    for many in BATCHES:
        prompts = [messages(f"What is {number} and {number}?", "") for number in range(many)]
        for which, taken in found.items():
            for _ in range(2):  # the first warms up
                start = time.monotonic()
                written = engine.write(prompts, adapter=which == "tuned", max_new_tokens=128, batch_size=many)
                seconds = time.monotonic() - start
            taken[str(many)] = round(1000 * seconds / max(one.tokens for one in written), 2)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoints", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--model", default="8b")
    parser.add_argument("--problems", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=256)
    arguments = parser.parse_args()
    length = f"grpo.max_completion_length={arguments.tokens}"
    engine, config, found = loaded.load(arguments.checkpoints, arguments.model, length)
    from vllm import SamplingParams

    from grpo_space.worker import evaluate

    sets = [suite.NAMES[name] for name in suite.MADE if name != suite.PUZZLES]
    rows = [row for each in sets for row in suite.made(each.name, 0, each.full)][: arguments.problems]
    prompts = [{"prompt_token_ids": engine.encode(messages(row.question, config.data.system_prompt))} for row in rows]
    sampling = SamplingParams(temperature=0.0, max_tokens=arguments.tokens, stop_token_ids=sorted(engine.stop_ids))
    ours, offline = [], []
    for pair in range(PAIRS + 1):
        start = time.monotonic()
        answers = evaluate.answer(engine, rows, config, adapter=False)
        middle = time.monotonic()
        outputs = engine.model.vllm_engine.generate(prompts, sampling, use_tqdm=False)
        end = time.monotonic()
        if pair:  # the first warms up
            ours.append(sum(one.tokens for (one,) in answers) / (middle - start))
            offline.append(sum(len(output.outputs[0].token_ids) for output in outputs) / (end - middle))
    result = {
        "decode_ms": decode(engine),
        "machine": f"{found}, memory capped to 14.56 GiB: not a T4's speed",
        "versions": hardware.versions(),
        "model": f"{arguments.model}, random weights, {len(rows)} prompts of up to {arguments.tokens} tokens",
        "evaluation_tokens_per_second": [round(value, 1) for value in ours],
        "vllm_tokens_per_second": [round(value, 1) for value in offline],
        "ratio_of_medians": round(statistics.median(ours) / statistics.median(offline), 3),
    }
    arguments.result.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.result.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
