"""In a worker's place within a Job: it reports, checkpoints, stops and resumes as one, and learns nothing, in no time.

python -m tests.support.quick_worker train DIR
"""

import json
import shutil
import signal
import sys
import zipfile
from pathlib import Path

from grpo_space.runs import checkpoints
from grpo_space.runs.events import Finished, Loaded, Phase, Started
from grpo_space.runs.run import Run
from tests.support.fake_worker import Asked, evaluated, step

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
             "adapter_config.json")  # fmt: skip
STEP_SECONDS = 0.05


def save_checkpoint(run: Run, step: int) -> None:
    """As the trainer saves one, which then keeps the two latest."""
    folder = checkpoints.folder_of(run.checkpoints, step)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json"):
        (folder / name).write_text(f"{name} of {step}")
    header = json.dumps({"__metadata__": {"step": str(step)}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with zipfile.ZipFile(folder / "optimizer.pt", "w") as optimizer:
        optimizer.writestr(str(step), "")
    for name in TOKENIZER:
        (folder / name).write_text(name)
    checkpoints.write_manifest(folder, step)
    for old in checkpoints.steps(run.checkpoints)[:-2]:
        shutil.rmtree(checkpoints.folder_of(run.checkpoints, old))


def main(_what: str, folder: str) -> None:
    run, asked = Run(Path(folder)), Asked()
    signal.signal(signal.SIGTERM, asked.stop)
    grpo, before = run.config.grpo, run.history().started
    done = run.last_checkpoint() or 0
    run.log.append(Started(attempt=before.attempt + 1 if before else 1, from_step=done))
    run.log.append(Loaded(engine="quick", model_commit="m", data_commit="d", rows="Read 20 problems."))
    run.log.append(evaluated("base", [True, False]))
    run.log.append(Phase(what="train", total=grpo.max_steps))
    while done < grpo.max_steps and not asked.within(STEP_SECONDS):
        done += 1
        run.log.append(step(done))
        if done % grpo.save_steps == 0:
            save_checkpoint(run, done)
    save_checkpoint(run, done)
    if done == grpo.max_steps:
        run.log.append(evaluated("tuned", [True, True]))
    run.log.append(Finished(why="done" if done == grpo.max_steps else "stopped"))


if __name__ == "__main__":
    main(*sys.argv[1:])
