"""What publishing needs of the model: one answer of an adapter that came back from the Hub."""

from grpo_space.config import RunConfig
from grpo_space.tasks.problems import messages
from grpo_space.worker.engines.base import Engine


def answer(engine: Engine, question: str, config: RunConfig) -> str:
    """The tuned model's greedy answer: it loads, and it writes."""
    prompt = messages(question, config.data.system_prompt)
    [written] = engine.write([prompt], adapter=True, max_new_tokens=config.grpo.max_completion_length, batch_size=1)
    return written.text
