"""Checks an adapter that came back from the Hub: it has to write one answer."""

from grpo_space.config import RunConfig
from grpo_space.worker.engines.base import Engine


def answer(engine: Engine, question: str, config: RunConfig) -> str:
    """The tuned model's greedy answer to a question."""
    prompt = engine.conversation(question, config)
    [written] = engine.write([prompt], adapter=True, max_new_tokens=config.grpo.max_completion_length, batch_size=1)
    return written.text
