"""Measures Ask both and the evaluation on the embedded model: python -m benchmarks.compare RUN

RUN is a finished run of the tiny preset. Prints medians, and keeps them in benchmarks/results/.
"""

import json
import statistics
import sys
import time
from pathlib import Path

from grpo_space.runs import ask_client
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.run import Run, find_run
from grpo_space.tasks.dataset import load
from grpo_space.worker import download, evaluate
from grpo_space.worker.engines import plain
from grpo_space.worker.engines.choice import choose
from grpo_space.worker.engines.paired_stream import BOTH, few_threads, stream

TIMES = 31
QUESTION = "Rosa has 35 nuts. Leo has 8 more than Rosa. How many nuts do they have in all?"


def ask_both(run: Run) -> dict[str, float]:
    """Seconds that a warm server takes, client and socket included."""
    request = ask_client.question(QUESTION)
    list(ask_client.ask(run, request))
    first, whole = [], []
    for _ in range(TIMES):
        began = time.perf_counter()
        for number, _message in enumerate(ask_client.ask(run, request)):
            if number == 0:
                first.append(time.perf_counter() - began)
        whole.append(time.perf_counter() - began)
    ask_client.close(run)
    return {"ask_first_token": statistics.median(first), "ask_both": statistics.median(whole)}


def main(name: str) -> None:
    """Measures on the run of that name, prints and keeps the figures."""
    run = find_run(name)
    config = run.config
    found = ask_both(run)
    model = download.fetch(config.model)
    choice = choose(config, model.folder, None, vllm_died=False)
    engine = plain.load(config, choice, model.folder, model.commit, None, run.adapter)
    prompt = [{"role": "user", "content": QUESTION}]
    most = config.grpo.max_completion_length
    together, in_turn = [], []
    for _ in range(TIMES):
        began = time.perf_counter()
        stream(engine, prompt, max_new_tokens=most, samples=1, sampling=None, emit=lambda *written: None)
        together.append(time.perf_counter() - began)
        began = time.perf_counter()
        with few_threads(engine.model):  # which is the faster way for one answer too
            for which in BOTH:
                engine.write([prompt], adapter=which == "tuned", max_new_tokens=most, batch_size=1)
        in_turn.append(time.perf_counter() - began)
    found |= {"one_batch": statistics.median(together), "in_turn": statistics.median(in_turn)}
    pairs = zip(together, in_turn, strict=True)  # one right after the other, so that a busy machine slows both
    found["ratio"] = statistics.median(one / two for one, two in pairs)
    rows = load(config).train[:1000]
    began = time.perf_counter()
    for name in ("base", "tuned"):
        path = run.folder / f"bench-{name}.jsonl"
        evaluate.answer(engine, rows, config, adapter=name == "tuned", kept=EventLog(path))
        path.unlink()
    found["evaluate_1000_both"] = time.perf_counter() - began
    print(json.dumps({key: round(value, 3) for key, value in found.items()}, indent=2))
    kept = Path(__file__).parent / "results" / f"{time.strftime('%Y-%m-%d')}-compare.json"
    kept.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
