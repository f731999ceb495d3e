"""What the ranks beside the first one do: their part of what it asks for, in its order."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from grpo_space.runs.fallbacks import share_of
from grpo_space.worker import pipeline
from grpo_space.worker.engines.base import Engine, load_adapter
from grpo_space.worker.engines.chunked import generating
from grpo_space.worker.engines.shared import share
from grpo_space.worker.evaluate import adapter_digest
from grpo_space.worker.messages import GiveDigest, GoOn, Load, LoadAdapter, Message, Train, Write
from grpo_space.worker.ranks import LeftAloneError, Ranks
from grpo_space.worker.reporter import Reporter
from grpo_space.worker.sampler import prompt_sampler
from grpo_space.worker.train import arguments_of, held_gib, make_trainer, problems_for, writer_of
from grpo_space.worker.whole_batches import WholeBatches


def follow(ranks: Ranks, reporter: Reporter) -> None:
    """Does what the first rank asks for, until it is gone."""
    engine: Engine | None = None
    while True:
        try:
            asked: Message = ranks.shared()
        except LeftAloneError:
            return
        if isinstance(asked, Load):
            with reporter.doing("load"):
                engine = pipeline.load_engine(**vars(asked))
        elif isinstance(asked, Train):
            assert engine is not None
            train(engine, asked, ranks, reporter)
        else:
            assert engine is not None
            serve(engine, asked, ranks, reporter)


def serve(engine: Engine, asked: Message, ranks: Ranks, reporter: Reporter) -> None:
    """Does what may be asked for between steps, too."""
    match asked:
        case Write():
            with reporter.doing("answer"):
                ranks.gathered(share(engine, asked, ranks))
        case LoadAdapter():
            load_adapter(engine.model, asked.folder)
        case GiveDigest():
            ranks.gathered(adapter_digest(engine))
        case _:
            raise AssertionError(asked)


def train(engine: Engine, asked: Train, ranks: Ranks, reporter: Reporter) -> None:
    """Trains beside the first rank, on this one's share of every batch."""
    config = share_of(asked.config, ranks.count)
    arguments = arguments_of(engine, config, asked.checkpoints, ranks)
    sampler = prompt_sampler(config, problems_for(engine, asked.rows, config), arguments, asked.resume)
    rewards = WholeBatches(ranks, sampler.learn, config.reward_labels)
    callback, size = Following(engine, ranks, reporter), asked.generation_batch_size
    with reporter.doing("load"):
        trainer = make_trainer(engine, sampler.dataset, rewards, callback, arguments)
    writer = writer_of(trainer, engine)
    with reporter.doing("learn"), generating(writer, engine.model, size, lambda: reporter.doing("write")):
        trainer.train(resume_from_checkpoint=str(asked.resume) if asked.resume else None)


class Following(TrainerCallback):
    """Stops, saves and answers probes where the first rank does."""

    def __init__(self, engine: Engine, ranks: Ranks, reporter: Reporter) -> None:
        self.engine, self.ranks, self.reporter = engine, ranks, reporter

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
        self.ranks.gathered(held_gib(self.engine))
        asked: Message = self.ranks.shared()
        while not isinstance(asked, GoOn):
            serve(self.engine, asked, self.ranks, self.reporter)
            asked = self.ranks.shared()
        control.should_training_stop |= asked.stop
        control.should_save |= asked.save
        state.best_global_step = asked.best_step

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.ranks.wait_for_all()  # the first one declares the checkpoint whole
