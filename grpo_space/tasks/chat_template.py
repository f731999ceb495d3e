"""Whether a model's chat template has a place for a system prompt, found out by rendering a conversation with one."""

from typing import Any

from grpo_space.config import RunConfig
from grpo_space.errors import UserError
from grpo_space.tasks.kinds import TASKS
from grpo_space.tasks.problems import messages

SYSTEM, QUESTION = "Answer in one word", "Which day follows Monday"
"""The words of the conversation that is rendered: plain ones, which no template trims or takes for markup."""
LONGEST_REASON = 200
"""Characters of a template's own complaint that are shown."""


def folds_system(tokenizer: Any) -> bool:
    """Whether the system prompt belongs in the first user turn: the template refuses a system message (Gemma's), wants
    roles to alternate (Mistral's), or leaves its text out without a word.
    """
    return any(_fault(tokenizer, SYSTEM, example, fold=False) for example in (False, True))


def check(tokenizer: Any, config: RunConfig) -> None:
    """Refuses a model whose chat template is missing, or cannot render this config's conversations, by a UserError."""
    model = config.model.id
    if tokenizer.chat_template is None:
        raise UserError(f"model.id: {model} has no chat template: take the model's Instruct version")
    system = SYSTEM if config.data.system_prompt else None
    fold = folds_system(tokenizer)
    for example in (False, True) if system else (False,):  # without a system prompt nobody is shown an example
        if fault := _fault(tokenizer, system, example, fold):
            raise UserError(
                f"model.id: the chat template of {model} cannot be used: {fault}; take the model's Instruct version, "
                "or put a chat_template.jinja that works into a copy of its folder"
            )


def _fault(tokenizer: Any, system: str | None, example: bool, fold: bool) -> str:
    """What is wrong with the rendered conversation; empty where nothing is."""
    shown = [TASKS["number"].example] if example else []
    conversation = messages(QUESTION, system, shown, fold)
    try:
        text = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # a template is a program of somebody else's: it may raise anything
        return " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
    left_out = [part for part in (system, QUESTION) if part and part not in text]
    return f"it leaves out {' and '.join(map(repr, left_out))}" if left_out else ""
