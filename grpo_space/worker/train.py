"""GRPO by TRL: RunConfig becomes GRPOConfig, and a callback tells what happens and obeys stop."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import set_peft_model_state_dict
from peft.utils import load_peft_weights
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import GRPOConfig, GRPOTrainer

from grpo_space.answers import grade
from grpo_space.config import RunConfig
from grpo_space.events import EventLog, Group, Sample, Step
from grpo_space.rewards import REWARDS
from grpo_space.worker.data import Row, Rows, messages
from grpo_space.worker.engine import Engine
from grpo_space.worker.evaluate import probe

MOST_GROUPS = 250
"""A run tells at most about this many groups, whatever its length."""


def grpo_config(config: RunConfig, checkpoints: Path) -> GRPOConfig:
    """TRL's arguments. `max_completion_length` and the rest keep their names."""
    settings = config.grpo.model_dump(exclude={"warmup_ratio"})
    cuda = torch.cuda.is_available()
    return GRPOConfig(
        **settings,
        warmup_steps=round(config.grpo.warmup_ratio * config.grpo.max_steps),
        output_dir=str(checkpoints),
        seed=config.seed,
        reward_weights=list(config.rewards.values()),
        logging_steps=1,
        save_strategy="steps",
        save_total_limit=2,
        report_to="none",
        disable_tqdm=True,
        use_cpu=not cuda,
        bf16=cuda and torch.cuda.is_bf16_supported(),
        fp16=cuda and not torch.cuda.is_bf16_supported(),
        gradient_checkpointing=cuda,
        dataloader_pin_memory=cuda,
    )


def train(
    engine: Engine,
    rows: Rows,
    config: RunConfig,
    log: EventLog,
    checkpoints: Path,
    from_step: int,
    stop_asked: Callable[[], bool],
) -> int:
    """Trains from checkpoint `from_step` on; returns the step reached, less than `max_steps` where it was stopped."""
    resume = checkpoints / f"checkpoint-{from_step}"
    if resume.is_dir() and from_step in (0, config.grpo.max_steps):  # nothing that the trainer would take up
        load_adapter(engine, resume)
    if from_step == config.grpo.max_steps:
        return from_step
    recorder = Recorder(config, log, engine.tokenizer.eos_token_id)
    data = Dataset.from_list(
        [
            {"prompt": messages(row.question, config.data.system_prompt), "question": row.question, "answer": row.gold}
            for row in rows.train
        ]
    )
    trainer = GRPOTrainer(
        model=engine.model,
        reward_funcs=[recorder.record(name) for name in config.rewards],
        args=grpo_config(config, checkpoints),
        train_dataset=data,
        processing_class=engine.tokenizer,
        callbacks=[Teller(engine, rows.probe, config, log, checkpoints, stop_asked)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(resume) if from_step else None)
    return int(trainer.state.global_step)


def load_adapter(engine: Engine, checkpoint: Path) -> None:
    set_peft_model_state_dict(engine.model, load_peft_weights(str(checkpoint), device=str(engine.model.device)))


class Recorder:
    """Wraps the reward functions, to tell a whole group with what each completion was paid."""

    def __init__(self, config: RunConfig, log: EventLog, eos_token_id: int) -> None:
        self.config, self.log, self.eos_token_id = config, log, eos_token_id
        self.every = math.ceil(config.grpo.max_steps / MOST_GROUPS)
        self.paid: dict[str, list[float | None]] = {}

    def record(self, name: str) -> Callable[..., list[float | None]]:
        function, last = REWARDS[name], list(self.config.rewards)[-1]

        def reward(completion_ids: list[list[int]], **columns: Any) -> list[float | None]:
            cut_off = [self.eos_token_id not in ids for ids in completion_ids]
            most = self.config.grpo.max_completion_length
            paid = function(completion_ids=completion_ids, cut_off=cut_off, max_completion_length=most, **columns)
            self.paid[name] = list(paid)
            step = columns["trainer_state"].global_step + 1
            if name == last and step % self.every == 0:
                self.log.append(self._group(step, completion_ids, cut_off, columns))
            return self.paid[name]

        reward.__name__ = name  # TRL's metrics are called after it
        return reward

    def _group(self, step: int, ids: list[list[int]], cut_off: list[bool], columns: dict[str, Any]) -> Group:
        """The batch's first prompt: not chosen, so it is a fair sample."""
        size = self.config.grpo.num_generations
        question, gold = columns["question"][0], columns["answer"][0]
        gains = advantages(self._totals(), size, self.config.grpo.scale_rewards)
        samples = []
        for i in range(size):
            text = columns["completions"][i][0]["content"]
            graded = grade(text, gold, question)
            rewards = {name: math.nan if paid[i] is None else float(paid[i]) for name, paid in self.paid.items()}  # type: ignore[arg-type]
            samples.append(
                Sample(
                    text=text, tokens=len(ids[i]), cut_off=cut_off[i], value=graded.value, correct=graded.lenient,
                    strict=graded.strict, reason=graded.reason, rewards=rewards, advantage=gains[i],
                )
            )  # fmt: skip
        return Group(step=step, question=question, gold=gold, samples=tuple(samples))

    def _totals(self) -> list[float]:
        weighted = [[(paid or 0.0) * self.config.rewards[name] for paid in self.paid[name]] for name in self.paid]
        return [sum(column) for column in zip(*weighted, strict=True)]


def advantages(rewards: Sequence[float], size: int, scale: str) -> list[float]:
    """How much better each completion is than its group: (r - mean) / (std + 1e-4), as TRL computes it (GRPO, eq. 3).

    `rewards` is a batch of whole groups of `size`. The std is the group's, the batch's, or left out.
    """
    batch_std = statistics.stdev(rewards) if len(rewards) > 1 else 0.0
    result = []
    for start in range(0, len(rewards), size):
        group = rewards[start : start + size]
        mean = statistics.fmean(group)
        std = {"group": statistics.stdev(group), "batch": batch_std, "none": None}[scale]
        result += [r - mean if std is None else (r - mean) / (std + 1e-4) for r in group]
    return result


class Teller(TrainerCallback):
    """Appends events, probes, and stops where it was asked to."""

    def __init__(
        self,
        engine: Engine,
        probes: Sequence[Row],
        config: RunConfig,
        log: EventLog,
        checkpoints: Path,
        stop_asked: Callable[[], bool],
    ) -> None:
        self.engine, self.probes, self.config, self.log = engine, probes, config, log
        self.checkpoints, self.stop_asked = checkpoints, stop_asked
        self.began = self.seconds = 0.0

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step == 0:  # so that a run that dies before its first checkpoint can be resumed like any other
            checkpoint = self.checkpoints / "checkpoint-0"
            self.engine.model.save_pretrained(checkpoint, save_embedding_layers=False)
            state.save_to_json(str(checkpoint / "trainer_state.json"))

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.began = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.seconds = time.monotonic() - self.began
        if self.stop_asked():
            control.should_training_stop = control.should_save = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "reward" not in logs:  # the summary at the end
            return
        metrics = {name: math.nan if value is None else float(value) for name, value in logs.items()}
        self.log.append(Step(step=state.global_step, seconds=self.seconds, metrics=metrics))
        due = state.global_step % self.config.evaluation.probe_steps == 0
        if due and self.probes and not control.should_training_stop:
            self.log.append(probe(self.engine, self.probes, self.config, state.global_step))
