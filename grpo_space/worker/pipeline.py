"""Each of a worker's jobs. Training a run is read from top to bottom: load, evaluate the base, train, save, evaluate
the tuned model, and the base once more where it can be shown an example. `grpo_space.worker.child` is the process that
does one of them.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.imports import uncollected
from grpo_space.planning import hardware, merge_check
from grpo_space.runs import adapters, checkpoints, groups, standalone, starting_adapter, suites, trained_with, trust
from grpo_space.runs.evaluations import HELD_OUT
from grpo_space.runs.event_log import EventLog
from grpo_space.runs.events import Alarm, Chosen, EvaluationRequest, Finished, LeftOut, Loaded
from grpo_space.runs.fallbacks import after_fallbacks, vllm_failed
from grpo_space.runs.history import History
from grpo_space.runs.pins import pinned, with_commit
from grpo_space.runs.run import Run
from grpo_space.tasks import code_sandbox, dataset, suite
from grpo_space.tasks.dataset import Rows
from grpo_space.tasks.problems import Row
from grpo_space.worker import compiled, custom_reward, custom_verifier, download
from grpo_space.worker.ask_server import Server
from grpo_space.worker.budget import Budget
from grpo_space.worker.engines.choice import LOAD_SECONDS, Choice, choose, make_ready
from grpo_space.worker.learnt import Learnt
from grpo_space.worker.recovery import OTHER_MODEL
from grpo_space.worker.reporter import RANK_FILES, Reporter, Stopped

if TYPE_CHECKING:
    from grpo_space.worker.engines.base import Engine
    from grpo_space.worker.ranks import Ranks

Message = dict[str, Any]
"""A line of JSON on stdout."""
Send = Callable[[Message], None]
Loading = Callable[[str, float], None]
"""What is loaded, and the seconds that it is expected to take."""


def train(run: Run, reporter: Reporter) -> None:
    config, kept = effective_config(run), checkpoints.resumable(run.checkpoints)
    checkpoint = kept.step
    budget = Budget(config.max_minutes, config.evaluation.probe_steps)
    learnt = Learnt(config.stop_when_learnt, run.log.events())
    groups.drop_beyond(run.folder, checkpoint or 0)  # before the event, after which readers look at what is left
    reporter.started("train", checkpoint or 0)
    for note in kept.notes:
        reporter.log.append(Alarm(step=checkpoint or 0, name="checkpoint", message=note))
    for name in trained_with.edited(run):
        words = f"{name} raised and was edited: the {checkpoint or 0} steps before were paid by it as it was."
        reporter.log.append(Alarm(step=checkpoint or 0, name="edited", message=words))
    check_config(config, checkpoint, checkpoints.folder_of(run.checkpoints, checkpoint or 0))
    custom_reward.functions(config)
    shutil.rmtree(run.adapter, ignore_errors=True)  # an earlier attempt's: until the next save the checkpoints count

    ranks = joined()
    engine, rows = load(run, reporter, starting_adapter.find(run, config, reporter.token), ranks=ranks)
    if config.lora.start is not None:
        reporter.log.append(Alarm(step=checkpoint or 0, name="start", message=starting_adapter.words(run, config)))
    from grpo_space.worker import evaluate_pair, memory_probe
    from grpo_space.worker import train as grpo
    from grpo_space.worker.engines import base as engines
    from grpo_space.worker.first_step import FirstStep

    base = evaluate_pair.evaluate_one(run, reporter, engine, config, rows.test, "base")
    if run.history().memory is None:
        with reporter.phase("evaluate_base", "what it remembers of the test questions"), reporter.doing("answer"):
            if found := memory_probe.probe(engine, rows.test, config):
                reporter.log.append(found)

    kernels, steps = compiled.of(config, engine.choice, hardware.gpu()), config.grpo.max_steps
    with (
        reporter.phase("train", expected_seconds=kernels.expected("first_step"), total=steps),
        reporter.deferring_stop(),
    ):
        budget.keep_for(base.seconds * (2 if config.data.system_prompt else 1))
        first = FirstStep(kernels)
        reached = grpo.train(
            engine, rows, config, reporter, run.checkpoints, checkpoint, budget, learnt, [first], ranks
        )

    with reporter.phase("save"), reporter.deferring_stop():
        engines.save(engine, run.adapter, config)
        if not engines.learnt(engine):
            unchanged = "The adapter changes nothing: no step moved it."
            reporter.log.append(Alarm(step=reached, name="unchanged", message=unchanged))
    if reporter.stop_requested() or (reached < steps and not budget.over and not learnt.over):
        raise Stopped(f"Saved at step {reached} of {steps}.")

    evaluate_pair.evaluate_one(run, reporter, engine, config, rows.test, "tuned")
    if config.data.system_prompt:
        evaluate_pair.evaluate_one(run, reporter, engine, config, rows.test, "example")
    early = reached < steps and learnt.over
    reporter.log.append(learnt.ending(reached, steps) if early else budget.ending(reached, steps))


def effective_config(run: Run, log: EventLog | None = None) -> RunConfig:
    """The run's config after its fallbacks, which stand in the run's log and, for an evaluation, in `log`; with the
    model and the data at the commits that the run began with.
    """
    more = log.events() if log is not None and log.path != run.log.path else ()
    config = after_fallbacks(run.config, itertools.chain(run.log.events(), more))
    return pinned(config, run.history().loaded)


def load(
    run: Run,
    reporter: Reporter,
    adapter: Path | None = None,
    pair: tuple[RunConfig, RunConfig | None] | None = None,
    others_turn: bool = False,
    ranks: "Ranks | None" = None,
) -> "tuple[Engine, Rows]":
    """Loads the problems first, whose errors need no torch; then the model, with a fresh adapter or the one in a
    folder. `pair`: in place of the run's config those of two models that are to answer the same problems, of which the
    first is loaded, or the second in the `others_turn`. Both are brought here, so that nothing is answered in vain.
    `ranks`: all of them load the model, and write together.
    """
    config, other = pair or (effective_config(run, reporter.log), None)
    if others_turn:
        assert other is not None
        config, other = other, config
    alone = run.standalone is not None
    custom_verifier.prepare(config)
    with reporter.phase("data", config.data.id or ""):
        rows = dataset.to_evaluate(config, reporter.token) if alone else dataset.load(config, reporter.token)
    if rows.task == "code":
        code_sandbox.check(anywhere=config.data.run_code == "anywhere" and not trust.is_foreign(run))
    gpu = hardware.gpu()
    hardware.check(config, gpu)
    model = download.fetch(config.model, reporter.downloading(config.model.id), reporter.token)
    second = other and download.fetch(other.model, reporter.downloading(other.model.id), reporter.token)
    reporter.token = None

    gpus, died = ranks.count if ranks else 1, any(vllm_failed(log.events()) for log in (run.log, reporter.log))
    choice = choose(config, model.folder, gpu, died, gpus=gpus)
    reporter.log.append(Chosen(engine=choice.engine, rollout=choice.rollout, why=choice.why, gpus=gpus))
    starting = " and starting vLLM" if choice.rollout == "vllm" else ""
    kernels = compiled.of(config, choice, gpu)
    caches, seconds = kernels.prepare(), kernels.expected("load") or choice.load_seconds
    with (
        reporter.phase("load", f"{config.model.id}{starting}", expected_seconds=seconds),
        reporter.doing("load"),
        kernels.compiling("load"),
    ):
        arguments = config, choice, model, gpu, run.folder / "scratch", adapter, caches
        engine = load_engine(*arguments) if ranks is None else load_in_all(ranks, *arguments)
        from grpo_space.worker.engines import base as engines

        tokenizer = engines.tokenizer_of(other, second.folder) if other and second else None
        rows = engines.that_fit(engine, rows, config, tokenizer)
        if not alone:  # which trains on nothing
            check_unchanged(run, engine.commit, rows)
        data: dict[str, Any] = {"data_commit": rows.commit, "rows": rows.summary, "rows_digest": rows.digest}
        data["folds_system"], data["task"] = engine.folds_system, rows.task
        data["settings"], data["code"] = trained_with.settings(run.config), trained_with.code(run)
        commit, tuned_commit = engine.commit, second.commit if second else ""
        if others_turn:
            commit, tuned_commit = tuned_commit, commit
        reporter.log.append(Loaded(engine=engine.name, model_commit=commit, tuned_commit=tuned_commit, **data))
    return engine, rows


def load_engine(
    config: RunConfig,
    choice: Choice,
    model: download.Downloaded,
    gpu: hardware.Gpu | None,
    scratch: Path,
    adapter: Path | None,
    caches: Mapping[str, str],
) -> "Engine":
    """Loads the model through the chosen engine, with a fresh adapter or a folder's. `caches`: see `make_ready`."""
    config = config if adapter is None else adapters.with_lora(config, adapter)
    if choice.engine == "unsloth":
        with uncollected():
            make_ready(choice, gpu, scratch, caches)
            from grpo_space.worker.engines import unsloth_engine

        assert gpu is not None
        return unsloth_engine.load(config, choice, model.folder, model.commit, gpu, adapter)
    with uncollected():
        make_ready(choice, gpu, scratch, caches)
        from grpo_space.worker.engines import plain

    return plain.load(config, choice, model.folder, model.commit, gpu, adapter)


def joined() -> "Ranks | None":
    """The processes that train the run together, once all are here; None where this one does so alone."""
    if RANK_FILES not in os.environ:
        return None
    from grpo_space.worker import ranks

    return ranks.join()


def follow(reporter: Reporter) -> None:
    """Trains and writes beside the first of the ranks, until it has ended."""
    from grpo_space.worker import follower

    ranks = joined()
    assert ranks is not None
    follower.follow(ranks, reporter)


def load_in_all(ranks: "Ranks", *arguments: Any) -> "Engine":
    """Loads the model in every rank, by `load_engine`'s arguments. Gives an engine that writes with all of them."""
    from grpo_space.worker.engines.shared import Shared
    from grpo_space.worker.messages import Load

    ranks.shared(Load(*arguments))
    own = load_engine(*arguments)
    return Shared(**vars(own), own=own, ranks=ranks)


def evaluate(run: Run, reporter: Reporter, request: EvaluationRequest, again: bool) -> None:
    """Base against tuned after the run; of a standalone evaluation, a base against any adapter of it. `again`: both
    anew, even where a result is known.
    """
    alone = run.standalone is not None
    trained = None if alone else run.history().started
    reporter.started("evaluate", 0, request, of_attempt=trained.attempt if trained else 0)
    others = None
    if not alone and request.data != HELD_OUT:
        others = dataset.others(request.data, effective_config(run), request.limit, reporter.token)
    if request.adapter:
        adapter = adapters.find(request.adapter, run.config.model, reporter.token)
    else:
        adapter = saved_adapter(run, request.checkpoint)
    engine, rows = load(run, reporter, adapter)
    from grpo_space.worker import evaluate_pair

    config = effective_config(run, reporter.log)
    evaluate_pair.evaluate_pair(run, reporter, engine, config, rows, others, request, again)
    reporter.log.append(Finished(why="done"))


def benchmark(run: Run, reporter: Reporter, request: EvaluationRequest, again: bool) -> None:
    """Base against tuned on each set of a suite, the model loaded once. What the log has measured already stays.
    `again`: of what it has not, no result that is known is taken.
    """
    known, trained = History.of(reporter.log.events()), run.history().started
    reporter.started("evaluate", 0, request, of_attempt=trained.attempt if trained else 0)
    config = effective_config(run, reporter.log)
    sets = [each for each in suite.sets_of(request.suite or "quick") if not suites.is_measured(known, each.name)]
    found: dict[str, tuple[list[Row], str]] = {}
    for each in (each for each in sets if each.hub):
        commit = next((result.commit for result in known.sets.get(each.name, {}).values()), "")
        with reporter.phase("data", each.title):
            try:
                count = suite.count_in(each, request.suite or "quick", request.limit)
                found[each.name] = suite.read(each, config, count, reporter.token, commit)
            except UserError as error:  # the others count all the same
                reporter.log.append(LeftOut(set=each.name, why=str(error)))
    engine, rows = load(run, reporter, saved_adapter(run))
    from grpo_space.worker.evaluate_suite import Suite

    Suite(run, reporter, engine, effective_config(run, reporter.log), rows, request, again, known).measure(sets, found)
    reporter.log.append(Finished(why="done"))


def evaluate_models(run: Run, reporter: Reporter, request: EvaluationRequest, again: bool, others_turn: bool) -> int:
    """One of two models on the problems that fit both, each by its own tokenizer and chat template. Gives the exit
    status: after the base, that the other one is to answer in a process of its own.
    """
    if not others_turn:
        reporter.started("evaluate", 0, request)
    config, loaded = effective_config(run, reporter.log), run.history().loaded
    other = with_commit(standalone.other_model(config, request), loaded.tuned_commit if loaded else "")
    engine, rows = load(run, reporter, pair=(config, other), others_turn=others_turn)
    from grpo_space.worker.evaluate_pair import evaluate_one

    if others_turn:
        evaluate_one(run, reporter, engine, other, rows.test, "base", request.samples, again, in_place_of="tuned")
        reporter.log.append(Finished(why="done"))
        return 0
    evaluate_one(run, reporter, engine, config, rows.test, "base", request.samples, again)
    if request.samples == 1 and config.data.system_prompt:
        evaluate_one(run, reporter, engine, config, rows.test, "example", again=again)
    return OTHER_MODEL


def preflight(run: Run, reporter: Reporter) -> None:
    """Finds out whether the run is trainable, by a few steps of it, before the money is spent."""
    reporter.started("preflight", 0)
    custom_reward.functions(run.config)
    engine, rows = load(run, reporter, starting_adapter.find(run, run.config, reporter.token))
    from grpo_space.worker import preflight

    with reporter.phase("preflight"):
        config = effective_config(run).model_copy(update={"control": "none"})  # what its rewards pay, undealt
        reporter.log.append(preflight.preflight(engine, rows, config, reporter))
    reporter.log.append(Finished(why="done"))


def load_to_answer(
    run: Run, adapter: Path, loading: Loading = lambda what, seconds: None, without_vllm: bool = False
) -> "Engine":
    """Loads the run's model with an adapter to answer questions, without its problems and without events."""
    config, gpu = effective_config(run), hardware.gpu()
    hardware.check(config, gpu)
    loading(config.model.id, LOAD_SECONDS["transformers", "generate"])
    model = download.fetch(config.model, token=sys.stdin.read() or None)
    choice = choose(config, model.folder, gpu, without_vllm or vllm_failed(run.log.read()[0]))
    kernels = compiled.of(config, choice, gpu)
    caches = kernels.prepare()
    loading(config.model.id, kernels.expected("load") or choice.load_seconds)
    with kernels.compiling("load"):
        return load_engine(config, choice, model, gpu, run.folder / "scratch", adapter, caches)


def serve(run: Run, idle_seconds: float) -> None:
    """Answers questions to base and tuned until nobody has any more."""

    def load(loading: Loading) -> "Engine":
        return load_to_answer(run, saved_adapter(run), loading)

    Server(run, idle_seconds, lambda step: saved_adapter(run, step)).serve(load)


def verify(run: Run, adapter: Path) -> Message:
    """The answer that the adapter in a folder gives to the first problem that the run was evaluated on."""
    engine = load_to_answer(run, adapter, without_vllm=True)  # one answer is not worth vLLM's start
    config, tuned = effective_config(run), run.history().tuned
    prompt = engine.conversation(tuned.answers[0].question if tuned else "What is 2 plus 3?", config)
    [written] = engine.write([prompt], adapter=True, max_new_tokens=config.grpo.max_completion_length, batch_size=1)
    return {"written": written.text}


def merge(run: Run, folder: Path, send: Send) -> Message:
    """Writes the whole model, with the adapter in it, into a folder. Sends how far it is."""
    config = effective_config(run)
    merge_check.check(config, folder.parent)
    model, token = merge_check.whole(config.model), sys.stdin.read() or None

    def downloading(here: int, total: int, rate: float) -> None:
        send({"doing": "Downloading", "file": model.id, "done": here, "total": total})

    def merging(file: str, done: int, total: int) -> None:
        send({"doing": "Merging", "file": file, "done": done, "total": total})

    base = download.fetch(model, downloading, token)
    from grpo_space.worker import merge

    merge.merge(base.folder, saved_adapter(run), folder, merging)
    return {"folder": str(folder)}


def check_config(config: RunConfig, checkpoint: int | None, folder: Path) -> None:
    """Refuses a config that was edited until the checkpoint, made after so many steps, does not go with it."""
    if checkpoint is None:
        return
    if checkpoint > config.grpo.max_steps:
        made = f"the {checkpoint} steps that this run has made"
        raise UserError(f"grpo.max_steps: {config.grpo.max_steps} is less than {made}: put it back, or start a new run")
    if config.lora.start is not None:  # its shape is that of the adapter that it began from
        return
    lora = adapters.as_adapter(config.lora, folder, f"of step {checkpoint}")
    for name, now, then in (("r", config.lora.r, lora.r), ("lora_alpha", config.lora.lora_alpha, lora.lora_alpha)):
        if now != then:
            raise UserError(f"lora.{name}: {now} is not the {then} that this run began with: put it back")


def check_unchanged(run: Run, model_commit: str, rows: Rows) -> None:
    """Refuses another model, or problems, than those the run began with: what was trained on could be held out now."""
    before = run.history().loaded
    if before is None:
        return
    if before.rows_digest != rows.digest:
        raise UserError(f"data: changed since {run.id} began, so what is held out changed too: start a new run")
    if before.model_commit != model_commit:
        raise UserError(f"model.id: {run.config.model.id} changed since {run.id} began: start a new run")


def saved_adapter(run: Run, step: int | None = None) -> Path:
    """The folder of the latest adapter, or of that step's checkpoint; a UserError where it is missing or damaged."""
    if step is not None:
        folder = checkpoints.folder_of(run.checkpoints, step)
        if words := checkpoints.damage(folder, step):
            raise UserError(f"checkpoint {step}: is not whole: {words}")
        return folder
    if (run.adapter / adapters.CONFIG).is_file():
        adapters.check_whole(run.adapter, f"of {run.id}")
        return run.adapter
    step = checkpoints.resumable(run.checkpoints).step
    if not step:
        raise UserError(f"{run.id}: has no adapter yet: it was not trained far enough to save one")
    return checkpoints.folder_of(run.checkpoints, step)
