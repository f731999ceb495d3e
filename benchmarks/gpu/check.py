"""Checks that the GPU path learns: the embedded model through Unsloth, in 4 bits, with vLLM: `make gpu-check`.

    python -m benchmarks.gpu.check [--die]

Exit status 0 where tuned minus base is at least 40 points in right answers, wherever they stand, and the prompts that
were chosen are those that were written for. With `--die` the
worker is killed in its first rollout, as a vLLM that crashes would: the run must resume with plain generation, and
learn.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from grpo_space.config_io import override
from grpo_space.presets import read_preset
from grpo_space.results import teaching
from grpo_space.runs.checkpoints import folder_of
from grpo_space.runs.groups import RunGroups
from grpo_space.runs.launch import start
from grpo_space.runs.locks import Holder, holder
from grpo_space.runs.prompt_state import read_prompts
from grpo_space.runs.run import Run, create_run
from grpo_space.tasks import dataset
from grpo_space.worker.reporter import last_activity

LEAST_POINTS = 40
SETTINGS = [
    "engine=unsloth", "rollout=vllm", "model.load_in_4bit=true", "prompts=teaching", "stop_when_learnt=false",
    "grpo.per_device_train_batch_size=8", "grpo.gradient_accumulation_steps=8",
]  # fmt: skip
"""The same 64 completions a step, in micro-batches of 8: Unsloth unrolls its loss over one micro-batch, and 64
completions in one took it over five minutes to compile."""


def kill_in_first_rollout(run: Run) -> None:
    while last_activity(run.activity) != "write":
        assert run.status() == "running", "it ended before it wrote a completion"
        time.sleep(0.01)
    parent = (holder(run.folder / "lock") or Holder()).pid
    [child] = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    os.kill(int(child), signal.SIGSEGV)


def strays(run: Run) -> int:
    """Groups that are not of the prompts that the sampler chose for their step: the new ones come first."""
    train = dataset.load(run.config).train
    state = read_prompts(folder_of(run.checkpoints, run.config.grpo.max_steps))
    assert state is not None
    wrong, seen = 0, Counter[int]()
    for group in RunGroups.of(run.folder, run.history()):
        chosen = state.batches[group.step - 1]
        in_order = [*chosen.problems[chosen.again :], *chosen.problems[: chosen.again]]
        wrong += train[in_order[seen[group.step]]].question != group.question
        seen[group.step] += 1
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--die", action="store_true")
    die = parser.parse_args().die
    with tempfile.TemporaryDirectory() as root:
        os.environ["GRPO_SPACE_RUNS"] = root
        began, run = time.time(), create_run(override(read_preset("tiny").run, SETTINGS), Path(root) / "gpu-check")
        start(run)
        if die:
            kill_in_first_rollout(run)
        subprocess.run([sys.executable, "-m", "grpo_space", "watch", str(run.folder)], check=False)
        history = run.history()
        if run.status() != "done" or history.base is None or history.tuned is None or history.loaded is None:
            print(run.worker_log.read_text(errors="replace")[-6000:])
            return 1
        off, of = strays(run), len(RunGroups.of(run.folder, history))
    base, tuned = history.base, history.tuned
    points = 100 * (tuned.correct - base.correct) / base.n
    seconds = time.time() - began
    print(
        f"{history.loaded.engine}: {base.correct} to {tuned.correct} of {base.n}, {points:+.1f} points, {seconds:.0f} s"
    )
    print("notices:", history.notes, "attempt", history.started and history.started.attempt)
    print(f"{history.seconds_per_step} s a step; evaluations {base.seconds:.1f} and {tuned.seconds:.1f} s")
    print(f"{off} of {of} groups are of another prompt than was chosen")
    print(teaching.words(history.steps))
    wanted = "unsloth, generate" if die else "unsloth, vllm"
    return 0 if points >= LEAST_POINTS and history.loaded.engine == wanted and not off else 1


if __name__ == "__main__":
    sys.exit(main())
