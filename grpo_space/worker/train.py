"""Trains by TRL's GRPO: RunConfig becomes GRPOConfig, and a callback emits what happens and obeys a stop."""

import json
import math
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME
from trl import GRPOConfig, GRPOTrainer

from grpo_space.config import RunConfig
from grpo_space.errors import RunError
from grpo_space.foreign import read_json_file
from grpo_space.planning import hardware, memory
from grpo_space.planning.memory import UNROLLED
from grpo_space.planning.model_shape import shape_of
from grpo_space.runs.checkpoints import MANIFEST, drop_beyond, folder_of, write_manifest
from grpo_space.runs.events import Alarm, Probe, Step, held_by
from grpo_space.runs.fallbacks import generation_batch_size, share_of
from grpo_space.runs.groups import GroupWriter
from grpo_space.runs.history import History, best
from grpo_space.tasks.dataset import Rows
from grpo_space.tasks.problems import Row
from grpo_space.whole_file import write_whole
from grpo_space.worker.alarms import BAD_STEPS, Watch
from grpo_space.worker.budget import Budget
from grpo_space.worker.engines.base import Engine, load_adapter
from grpo_space.worker.engines.chunked import generating
from grpo_space.worker.evaluate import adapter_digest, probe
from grpo_space.worker.learnt import Learnt
from grpo_space.worker.messages import GiveDigest, GoOn, LoadAdapter, Train
from grpo_space.worker.ranks import ALONE, Ranks, take_own_port
from grpo_space.worker.recorder import DETAILS, TASK, Batch, Recorder
from grpo_space.worker.reporter import Reporter
from grpo_space.worker.sampler import Problem, PromptSampler, prompt_sampler
from grpo_space.worker.whole_batches import WholeBatches


def train(
    engine: Engine,
    rows: Rows,
    config: RunConfig,
    reporter: Reporter,
    checkpoints: Path,
    checkpoint: int | None,
    budget: Budget,
    learnt: Learnt,
    callbacks: Sequence[TrainerCallback] = (),
    together: Ranks | None = None,
) -> int:
    """Trains from the checkpoint of that step on, or from the start. `callbacks` follow the training beside our own.
    `together`: the ranks that do so, of which this is the first.

    Returns:
        The step reached, less than `max_steps` where it was stopped, the budget is over or all is learnt.

    Raises:
        DivergedError: where there is nothing left to train.
        RewardError: where a reward function raises.
        RunError: where the adapters of several ranks are not the same at the end.
    """
    ranks = together or ALONE
    drop_beyond(checkpoints, -1 if checkpoint is None else checkpoint)
    resume = folder_of(checkpoints, checkpoint or 0)
    ends = budget.over or checkpoint == config.grpo.max_steps
    if checkpoint == 0 or (checkpoint and ends):  # nothing that the trainer would take up
        load_adapter(engine.model, resume)
        ranks.shared(LoadAdapter(resume))
    if ends:
        return checkpoint or 0
    batch_size, whole = generation_batch_size(config, reporter.log.events()), config
    config = share_of(config, ranks.count)
    arguments = arguments_of(engine, config, checkpoints, ranks)
    problems = problems_for(engine, rows.train, config)
    sampler = prompt_sampler(config, problems, arguments, resume if checkpoint else None)
    kept = GroupWriter(checkpoints.parent, config.grpo.max_steps)
    rewards = WholeBatches(ranks, sampler.learn, config.reward_labels)

    def written(batch: Batch) -> None:
        sampler.learn(batch)
        keep_groups(batch, kept, config.grpo.scale_rewards)
        rewards.emitted(batch)

    recorder = Recorder(config, engine.stop_ids, written)
    rewards.record(recorder)
    if checkpoint:
        put_micro_batch_size(resume, arguments.train_batch_size)
    ranks.shared(Train(rows.train, whole, checkpoints, resume if checkpoint else None, batch_size))
    callback = ReportingCallback(engine, rows.probe, config, reporter, checkpoints, budget, learnt, sampler, ranks)
    with reporter.doing("load") if starts_vllm(engine) else nullcontext():
        trainer = make_trainer(engine, sampler.dataset, recorder if ranks.count == 1 else rewards, callback, arguments)
    for each in callbacks:
        trainer.add_callback(each)
    writer = writer_of(trainer, engine)
    with reporter.doing("learn"), generating(writer, engine.model, batch_size, lambda: writing(reporter)):
        trainer.train(resume_from_checkpoint=str(resume) if checkpoint else None)
    check_equal(engine, ranks)
    return int(trainer.state.global_step)


def check_equal(engine: Engine, ranks: Ranks) -> None:
    """Refuses, by a RunError, adapters that are not the same in all ranks: what one of them learnt would be lost."""
    if ranks.count == 1:
        return
    ranks.shared(GiveDigest())
    digests = ranks.gathered(adapter_digest(engine))
    print(f"digests of the adapter, rank by rank: {' '.join(digests)}", flush=True)
    if len(set(digests)) > 1:
        raise RunError(f"The adapters of the {ranks.count} ranks differ at the end ({', '.join(digests)}): {CURE}")


def keep_groups(batch: Batch, kept: GroupWriter, scale: str) -> None:
    """Keeps the groups of a batch, as many as there is room for. First comes what was drawn in its turn, and not for
    what it taught: where one is kept, it is a fair sample.
    """
    for number in sorted(range(len(batch.new)), key=lambda number: not batch.new[number]):
        if not kept.has_room(batch.step):
            return
        kept.append(batch.group(number * batch.size, scale))


def writing(reporter: Reporter) -> AbstractContextManager[None]:
    """Within, completions are written, unless a probe is being answered: goes around the trainer's generations."""
    return reporter.doing("write") if reporter.activity == "learn" else nullcontext()


def problems_for(engine: Engine, rows: Iterable[Row], config: RunConfig) -> list[Problem]:
    """The problems as TRL takes them."""
    return [
        {
            "prompt": engine.conversation(row.question, config),
            "question": row.question,
            "answer": row.gold,
            TASK: row.task,
            DETAILS: row.details,
        }
        for row in rows
    ]


def make_trainer(
    engine: Engine, problems: Dataset, recorder: Recorder | WholeBatches, callback: TrainerCallback, args: GRPOConfig
) -> GRPOTrainer:
    """TRL's trainer on the problems, with the recorder's rewards."""
    if starts_vllm(engine):
        take_own_port()
    trainer = GRPOTrainer(
        model=engine.model,
        reward_funcs=recorder.wrapped(),
        args=args,
        train_dataset=problems,
        processing_class=engine.tokenizer,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    if args.fp16:  # TRL makes a 4-bit model's adapter bfloat16, whose gradients float16's loss scaler refuses
        for parameter in engine.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    return trainer


def starts_vllm(engine: Engine) -> bool:
    """Whether TRL's trainer starts a vLLM of its own: Unsloth's runs since the model was loaded."""
    return engine.choice.engine == "transformers" and engine.choice.rollout == "vllm"


def writer_of(trainer: GRPOTrainer, engine: Engine) -> Any:
    """What writes the completions of a training: its `generate` is called."""
    if starts_vllm(engine):
        return trainer.vllm_generation.llm
    return engine.model.vllm_engine if engine.choice.rollout == "vllm" else engine.model


def arguments_of(engine: Engine, config: RunConfig, checkpoints: Path, ranks: Ranks) -> GRPOConfig:
    """TRL's arguments for the training of a run. `config`: of one rank's share of a step, where there are several."""
    together: dict[str, Any] = {}
    if ranks.count > 1:  # every weight of the adapter takes part in every step
        together = {"ddp_find_unused_parameters": False, "gradient_checkpointing_kwargs": {"use_reentrant": False}}
    if starts_vllm(engine):
        shape, gpu = shape_of(config.model), hardware.gpu()
        together["vllm_max_model_length"] = config.model.max_seq_length
        if shape is not None and gpu is not None:
            together["vllm_gpu_memory_utilization"] = memory.plan(
                config, shape, memory.limit_of(gpu), vllm_apart=True
            ).share
    return grpo_config(engine, config, checkpoints, save_strategy="steps", **together)


def grpo_config(engine: Engine, config: RunConfig, checkpoints: Path, **changes: Any) -> GRPOConfig:
    """TRL's arguments for a run, with `changes`. Those of the config's `grpo` keep their names, and their values:
    Unsloth would put others in the place of an `epsilon_high` that is not given, and of `scale_rewards` for Dr. GRPO.
    """
    arguments = config.grpo.model_dump(exclude={"warmup_ratio"}) | {
        "epsilon_high": config.grpo.epsilon_high or config.grpo.epsilon,
        "warmup_steps": round(config.grpo.warmup_ratio * config.grpo.max_steps),
        "output_dir": str(checkpoints),
        "seed": config.seed,
        "reward_weights": list(config.rewards.values()),
        "shuffle_dataset": config.prompts == "shuffled",  # a sampler that chooses counts its slots in their order
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would show the loss before instead of a NaN
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": True,
    }
    made = GRPOConfig(**arguments | engine_arguments(engine) | changes)
    made.scale_rewards = config.grpo.scale_rewards
    # where Unsloth scores without a gradient (beta above 0) it unrolls pieces of the logits, and compiles for minutes
    made.unsloth_logit_chunk_multiplier = max(1, min(4, UNROLLED // config.grpo.per_device_train_batch_size))
    return made


def engine_arguments(engine: Engine) -> dict[str, Any]:
    """Those of TRL's arguments that follow from the engine and its device."""
    cuda, vllm = engine.model.device.type == "cuda", engine.choice.rollout == "vllm"
    return {
        "use_cpu": not cuda,
        "bf16": cuda and engine.has_bfloat16,
        "fp16": cuda and not engine.has_bfloat16,
        "use_vllm": vllm,
        "vllm_mode": "colocate",
        "generation_kwargs": {"detokenize": False} if vllm else None,  # TRL makes the texts itself, once, at the end
        "gradient_checkpointing": cuda,
        "dataloader_pin_memory": cuda,
    }


def put_micro_batch_size(checkpoint: Path, size: int) -> None:
    """Writes the micro-batch size into a checkpoint: Transformers takes it from there, and one made before a fallback
    would undo the fallback. Killed anywhere in between, it leaves a checkpoint that counts.
    """
    file = checkpoint / TRAINER_STATE_NAME
    state = read_json_file(file)
    if state.get("train_batch_size") == size:
        return
    (checkpoint / MANIFEST).unlink(missing_ok=True)  # it names another size of this file
    write_whole(file, json.dumps(state | {"train_batch_size": size}))
    write_manifest(checkpoint, state["global_step"])


class DivergedError(RunError):
    """The adapter or the gradients are not numbers any more. What was saved before is good."""


class ReportingCallback(TrainerCallback):
    """Emits a training's events, probes, and stops where that is requested or the time is over."""

    def __init__(
        self,
        engine: Engine,
        probes: Sequence[Row],
        config: RunConfig,
        reporter: Reporter,
        checkpoints: Path,
        budget: Budget,
        learnt: Learnt,
        sampler: PromptSampler,
        ranks: Ranks,
    ) -> None:
        self.ranks = ranks
        self.engine, self.probes, self.config, self.reporter = engine, probes, config, reporter
        self.checkpoints, self.budget, self.learnt, self.sampler = checkpoints, budget, learnt, sampler
        self.watch = Watch(History.of(reporter.log.events()), config.control != "none")
        self.began = self.seconds = 0.0

    @property
    def ends(self) -> bool:
        """Whether training ends after the step at hand, for lack of time or by a wish."""
        return self.reporter.stop_requested() or self.budget.over

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        checkpoint = folder_of(self.checkpoints, 0)
        if state.global_step or checkpoint.is_dir():
            return
        half = checkpoint.with_name("half-0")  # a run that dies before its first checkpoint resumes like any other
        shutil.rmtree(half, ignore_errors=True)
        self.engine.model.save_pretrained(half, save_embedding_layers=False)
        state.save_to_json(str(half / TRAINER_STATE_NAME))
        write_manifest(half, 0)
        half.rename(checkpoint)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        checkpoint = folder_of(self.checkpoints, state.global_step)
        self.ranks.wait_for_all()  # each writes the state of its random numbers
        self.sampler.save(checkpoint)
        write_manifest(checkpoint, state.global_step)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.began = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.seconds = time.monotonic() - self.began
        self.budget.stepped()
        if self.ends:
            control.should_training_stop = control.should_save = True
        if not finite(self.engine):  # found before it is saved
            self._diverged(state.global_step, "The adapter holds values that are not numbers.")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs:  # the summary at the end
            return
        metrics = {name: math.nan if value is None else float(value) for name, value in logs.items()}
        for rank, held in enumerate(self.ranks.gathered(held_gib(self.engine))):
            if held is not None:
                metrics[held_by(rank)] = held
        step = Step(step=state.global_step, seconds=self.seconds, metrics=metrics)
        self.reporter.log.append(step)
        self._raise_alarms(self.watch.step(step))
        if self.watch.bad >= BAD_STEPS:
            self._diverged(state.global_step, f"{BAD_STEPS} steps in a row had no usable gradient.")
        self.learnt.look(self.watch.steps)
        if self.learnt.over:
            control.should_training_stop = control.should_save = True
        last = state.global_step == state.max_steps or self.learnt.over
        due = last or state.global_step % self.config.evaluation.probe_steps == 0
        if due and self.probes and not self.ends:
            with self.reporter.doing("probe"):
                probed = probe(self.engine, self.probes, self.config, state.global_step)
            self.reporter.log.append(probed)
            self._raise_alarms(self.watch.probe(probed))
            if probed == best(self.watch.probes):
                state.best_global_step = state.global_step  # TRL's Trainer deletes other checkpoints, never this one
                control.should_save = True
        self.ranks.shared(GoOn(control.should_training_stop, control.should_save, state.best_global_step))

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        found, last = best(self.watch.probes), self.watch.probes[-1:]
        if found is not None and found not in last and not self.ends:
            self.reporter.log.append(Alarm(step=state.global_step, name="best", message=best_words(found, last[0])))

    def _diverged(self, step: int, what: str) -> NoReturn:
        self.reporter.log.append(Alarm(step=step, name="diverged", message=what))
        raise DivergedError(f"{what} Training stopped at step {step}. {CURE}")

    def _raise_alarms(self, alarms: Iterable[Alarm]) -> None:
        for alarm in alarms:
            self.reporter.log.append(alarm)


def best_words(best: Probe, last: Probe) -> str:
    """The advice to look at the best checkpoint, where that is not the last one."""
    return (
        f"By the held-out probe the best checkpoint is that of step {best.step}: {best.correct} of {best.n} right, and "
        f"{last.correct} at step {last.step}. Of so few that may be chance: evaluate it too (--checkpoint {best.step})."
    )


CURE = (
    "The last good checkpoint is kept: resume from it; if it happens again, start anew with a lower grpo.learning_rate."
)


def held_gib(engine: Engine) -> float | None:
    """GiB of this process's GPU that PyTorch has held at most; None on a CPU."""
    return torch.cuda.max_memory_reserved() / 2**30 if engine.model.device.type == "cuda" else None


def finite(engine: Engine) -> bool:
    """Whether every value of the adapter is a number. Asks the GPU once, not for each of 400 parameters."""
    return bool(torch.stack([p.isfinite().all() for p in engine.model.parameters() if p.requires_grad]).all())
