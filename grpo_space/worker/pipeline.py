"""The story of a run, from top to bottom: load, evaluate the base, train, save, evaluate the tuned model.

Started by `grpo_space.worker`, which holds the locks and lives on if this process dies.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpo_space.config import RunConfig
from grpo_space.errors import RunError, UserError
from grpo_space.planning import hardware, merge_check
from grpo_space.runs import adapters
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, Asked, Chosen, Failed, Finished
from grpo_space.runs.fallbacks import lowered
from grpo_space.runs.launch import PARENT
from grpo_space.runs.run import Run, disk_is_full
from grpo_space.tasks import dataset
from grpo_space.tasks.dataset import Rows
from grpo_space.worker import custom_reward, download
from grpo_space.worker.ask_server import Server
from grpo_space.worker.budget import Budget
from grpo_space.worker.engines.choice import LOAD_SECONDS, Choice, choose, make_ready
from grpo_space.worker.recovery import OUT_OF_MEMORY, UNEXPECTED, VLLM_DIED, is_out_of_memory
from grpo_space.worker.reporter import Stopped, Teller

if TYPE_CHECKING:
    from grpo_space.worker.engines.base import Engine

Say = Callable[[dict[str, Any]], None]
FULL = "the disk is full: free some of it, then resume"


def train(run: Run, tell: "Teller") -> None:
    config, checkpoint = effective(run), run.last_checkpoint()
    budget = Budget(config.max_minutes, config.evaluation.probe_steps)
    tell.started("train", checkpoint or 0)
    custom_reward.functions(config)
    shutil.rmtree(run.adapter, ignore_errors=True)  # an earlier attempt's: until the next save the checkpoints count

    engine, rows = load(run, tell)
    from grpo_space.worker import evaluate, evaluate_pair
    from grpo_space.worker import train as grpo
    from grpo_space.worker.engines import base as engines

    with tell.phase("evaluate_base", total=len(rows.test)) as progress:
        known = evaluate.known_base(run, engine, rows.test, config)
        base = known or evaluate.measure(engine, rows.test, config, "base", progress, run.answers)
        tell.log.append(base)
    evaluate_pair.with_example(run, tell, engine, config, rows.test)

    with tell.phase("train", total=config.grpo.max_steps), tell.patient():
        budget.keep_for(base.seconds)
        reached = grpo.train(engine, rows, config, tell.log, run.checkpoints, checkpoint, tell.stop_asked, budget)

    with tell.phase("save"), tell.patient():
        engines.save(engine, run.adapter, config)
        if not engines.learnt(engine):
            tell.log.append(
                Alarm(step=reached, name="unchanged", message="The adapter changes nothing: no step moved it.")
            )
    steps = config.grpo.max_steps
    if tell.stop_asked() or (reached < steps and not budget.over):
        raise Stopped(f"Saved at step {reached} of {steps}.")

    with tell.phase("evaluate_tuned", total=len(rows.test)) as progress:
        tell.log.append(evaluate.measure(engine, rows.test, config, "tuned", progress, run.answers))
    tell.log.append(budget.ending(reached, steps))


def effective(run: Run, log: EventLog | None = None) -> RunConfig:
    """The run's config, less what the GPU's memory had no room for; so it stands in the run's log, or in `log`."""
    more = log.read()[0] if log is not None and log.path != run.log.path else []
    return lowered(run.config, run.log.read()[0] + more)


def load(run: Run, tell: "Teller", adapter: Path | None = None) -> "tuple[Engine, Rows]":
    """The problems first, whose errors need no torch; then the model, with a fresh adapter or the one in a folder."""
    config = effective(run, tell.log)
    with tell.phase("data"):
        rows = dataset.load(config, tell.token)
    gpu = hardware.gpu()
    hardware.check(config, gpu)
    model = download.fetch(config.model, tell.downloading(config.model.id), tell.token)
    tell.token = None

    choice = choose(config, model.folder, gpu, vllm_died(run.log, tell.log))
    tell.log.append(Chosen(engine=choice.engine, rollout=choice.rollout, why=choice.why))
    with tell.phase("load", config.model.id, expected_seconds=choice.load_seconds):
        engine = load_engine(config, choice, model, gpu, run.folder / "scratch", adapter)
        from grpo_space.worker.engines import base as engines

        rows = engines.that_fit(engine, rows, config)
        same_as_before(run, engine.commit, rows)
        tell.loaded(engine.name, engine.commit, rows)
    return engine, rows


def load_engine(
    config: RunConfig,
    choice: Choice,
    model: download.Downloaded,
    gpu: hardware.Gpu | None,
    scratch: Path,
    adapter: Path | None,
) -> "Engine":
    config = config if adapter is None else adapters.with_lora(config, adapter)
    make_ready(choice, gpu, scratch)
    if choice.engine == "unsloth":
        from grpo_space.worker.engines import unsloth_engine

        assert gpu is not None
        return unsloth_engine.load(config, choice, model.folder, model.commit, gpu, adapter)
    from grpo_space.worker.engines import plain

    return plain.load(config, choice, model.folder, model.commit, gpu, adapter)


def vllm_died(*logs: EventLog) -> bool:
    """Whether it failed before in this run: an Alarm of the worker's parent says so."""
    return any(isinstance(event, Alarm) and event.name == VLLM_DIED for log in logs for event in log.read()[0])


def evaluate(run: Run, tell: "Teller", asked: Asked, again: bool) -> None:
    """Base against tuned after the run. `again`: both anew, even where a result is known."""
    tell.started("evaluate", 0, asked)
    others = None if asked.data == "held-out" else dataset.others(asked.data, run.config, asked.limit, tell.token)
    if asked.adapter:
        adapter = adapters.find(asked.adapter, run.config.model, tell.token)
    else:
        adapter = saved_adapter(run, asked.checkpoint)
    engine, rows = load(run, tell, adapter)
    from grpo_space.worker import evaluate_pair

    evaluate_pair.tell_both(run, tell, engine, effective(run, tell.log), rows, others, asked, again)
    tell.log.append(Finished(why="done"))


def preflight(run: Run, tell: "Teller") -> None:
    """Is this trainable? Looked at before the money is spent."""
    tell.started("preflight", 0)
    custom_reward.functions(run.config)
    engine, rows = load(run, tell)
    from grpo_space.worker import preflight

    with tell.phase("preflight"):
        tell.log.append(preflight.preflight(engine, rows, effective(run), run.log))
    tell.log.append(Finished(why="done"))


def briefly(run: Run, adapter: Path) -> "Engine":
    """The engine for one answer, which is not worth vLLM's start."""
    config, gpu = effective(run), hardware.gpu()
    hardware.check(config, gpu)
    model = download.fetch(config.model, lambda here, total, rate: None)
    choice = replace(choose(config, model.folder, gpu, vllm_died=True), why="One question is not worth vLLM's start.")
    return load_engine(config, choice, model, gpu, run.folder / "scratch", adapter)


def serve(run: Run, idle_seconds: float) -> int:
    """Answers questions to base and tuned until nobody asks any more."""

    def load(told: Callable[[str, float], None]) -> "Engine":
        config, adapter, gpu = effective(run), saved_adapter(run), hardware.gpu()
        hardware.check(config, gpu)
        told(config.model.id, LOAD_SECONDS["transformers", "generate"])
        model = download.fetch(config.model, lambda here, total, rate: None)
        choice = choose(config, model.folder, gpu, vllm_died(run.log))
        told(config.model.id, choice.load_seconds)
        return load_engine(config, choice, model, gpu, run.folder / "scratch", adapter)

    Server(run, idle_seconds, lambda step: saved_adapter(run, step)).serve(load)
    return 0


def verify(run: Run, adapter: Path) -> dict[str, str]:
    """What the adapter in a folder makes of the first problem that the run was evaluated on."""
    engine, tuned = briefly(run, adapter), run.history().tuned
    from grpo_space.worker import verify_published

    question = tuned.answers[0].question if tuned else "What is 2 plus 3?"
    return {"written": verify_published.answer(engine, question, effective(run))}


def merge(run: Run, folder: Path, say: Say) -> dict[str, str]:
    """The whole model, with the adapter in it, into a folder."""
    merge_check.check(run.config, folder.parent)
    model, token = merge_check.whole(run.config.model), sys.stdin.read() or None

    def coming(here: int, total: int, rate: float) -> None:
        say({"doing": "Downloading", "file": model.id, "done": here, "total": total})

    def going_in(file: str, done: int, total: int) -> None:
        say({"doing": "Merging", "file": file, "done": done, "total": total})

    base = download.fetch(model, coming, token)
    from grpo_space.worker import merge

    merge.merge(base.folder, saved_adapter(run), folder, going_in)
    return {"folder": str(folder)}


def same_as_before(run: Run, model_commit: str, rows: dataset.Rows) -> None:
    """
    Raises:
        UserError: where model or problems changed since the run began: what it was trained on could be held out now.
    """
    before = run.history().loaded
    if before is None:
        return
    if before.rows_digest != rows.digest:
        raise UserError(f"data: changed since {run.id} began, so what is held out changed too: start a new run")
    if before.model_commit != model_commit:
        raise UserError(f"model.id: {run.config.model.id} changed since {run.id} began: start a new run")


def saved_adapter(run: Run, step: int | None = None) -> Path:
    """The latest, or that of a step.

    Raises:
        UserError: where the run saved none yet.
    """
    if step is not None:
        return run.checkpoints / f"checkpoint-{step}"
    if (run.adapter / "adapter_config.json").is_file():
        return run.adapter
    step = run.last_checkpoint()
    if not step:
        raise UserError(f"{run.id}: has no adapter yet: it was not trained far enough to save one")
    return run.checkpoints / f"checkpoint-{step}"


def main(task: str, folder: str, *arguments: str) -> int:
    """Tells the story, and how it ended. The exit status: 0 done or stopped, 1 for the user to put right, 3 where the
    training went wrong, OUT_OF_MEMORY, UNEXPECTED for anything else.
    """
    die_with_parent()
    run = Run(Path(folder))
    if task == "serve":
        return serve(run, float(arguments[0]))
    if task in ANSWERS:
        return answer_on_stdout(run, task, arguments)
    log = EventLog(Path(arguments[0])) if task == "evaluate" else run.log
    tell = Teller(log)
    tell.token = sys.stdin.read() or None
    try:
        if task == "evaluate":
            evaluate(run, tell, Asked.model_validate_json(arguments[1]), again=arguments[2] == "again")
        elif task == "preflight":
            preflight(run, tell)
        else:
            train(run, tell)
    except Stopped as stopped:
        log.append(Finished(why="stopped", message=str(stopped)))
    except UserError as error:
        log.append(Failed(boundary=tell.what, message=str(error), user_error=True))
        return 1
    except Exception as error:
        if disk_is_full(run):
            log.append(Failed(boundary=tell.what, message=f"{run.folder}: {FULL}", user_error=True))
            return 1
        message = f"{type(error).__name__}: {error}"
        log.append(Failed(boundary=tell.what, message=message, traceback=traceback.format_exc()))
        if is_out_of_memory(error):
            return OUT_OF_MEMORY
        return 3 if isinstance(error, RunError) else UNEXPECTED
    return 0


ANSWERS: dict[str, Callable[..., dict[str, str]]] = {
    "verify": lambda run, say, adapter: verify(run, Path(adapter)),
    "merge": lambda run, say, folder: merge(run, Path(folder), say),
}


def answer_on_stdout(run: Run, task: str, arguments: tuple[str, ...]) -> int:
    """A line of JSON for the answer; before it one for each word of how far it is."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes to the log

    def say(said: dict[str, Any]) -> None:
        print(json.dumps(said), file=answers, flush=True)

    try:
        said = ANSWERS[task](run, say, *arguments)
    except UserError as error:
        said = {"error": str(error)}
    say(said)
    return int("error" in said)


def die_with_parent() -> None:
    """The parent holds the locks: a story that outlives it would be a second user of the GPU. Linux only (prctl)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != int(os.environ[PARENT]):  # it died before we asked
            os._exit(1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
