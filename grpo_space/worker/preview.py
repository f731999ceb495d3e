"""Shows three problems exactly as the model will see them. Loads the tokenizer alone: no model, no GPU, no lock.

python -m grpo_space.worker.preview     a config's YAML on stdin, JSON on stdout
"""

import json
import os
import sys
from typing import Any

from grpo_space.config import ModelSection, RunConfig
from grpo_space.config_io import parse
from grpo_space.errors import UserError
from grpo_space.foreign import parse_yaml
from grpo_space.paths import local_model
from grpo_space.tasks import chat_template, dataset
from grpo_space.tasks.problems import messages

ROWS = 3
"""Problems that are shown."""


def preview(config: RunConfig, token: str | None = None) -> list[dict[str, object]]:
    """The first problems that are short enough: of each the `prompt` with the chat template applied, its `tokens`, the
    `answer` that counts as right, and whether the system prompt is `folded` into the question's turn.
    """
    rows, tokenizer = dataset.load(config, token).train, load_tokenizer(config.model, token)
    chat_template.check(tokenizer, config)
    fold = chat_template.folds_system(tokenizer)
    folded = fold and config.data.system_prompt is not None
    seen: list[dict[str, object]] = []
    for row in rows:
        conversation = messages(row.question, config.data.system_prompt, fold=fold)
        prompt = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
        tokens = len(tokenizer.apply_chat_template(conversation, add_generation_prompt=True, return_dict=False))
        if tokens <= config.data.max_prompt_length:
            seen.append({"prompt": prompt, "tokens": tokens, "answer": row.gold, "folded": folded})
        if len(seen) == ROWS:
            break
    if not seen:
        raise UserError(f"data.max_prompt_length: every prompt is longer than {config.data.max_prompt_length} tokens")
    return seen


def load_tokenizer(model: ModelSection, token: str | None = None) -> Any:
    """The model's tokenizer."""
    os.environ["USE_TORCH"] = "0"  # a tokenizer needs no torch, whose import is three of its four seconds
    from transformers import AutoTokenizer

    try:
        name, revision = str(local_model(model) or model.id), model.revision or "main"
        return AutoTokenizer.from_pretrained(name, revision=revision, token=token)
    except (OSError, ValueError) as error:
        raise UserError(
            f"model.id: the tokenizer of {model.id} could not be had: {str(error).splitlines()[0]}"
        ) from error


def main() -> None:
    """Reads a config and perhaps a token of the Hub from stdin, as JSON, and prints the preview, or what is wrong."""
    stdout = os.dup(1)
    os.dup2(2, 1)  # libraries print: stdout is for the answer alone
    try:
        asked = json.load(sys.stdin)
        answer: dict[str, object] = {"rows": preview(parse(parse_yaml(asked["config"], "config")), asked["token"])}
    except UserError as error:
        answer = {"error": error.problems}
    with os.fdopen(stdout, "w") as file:
        json.dump(answer, file)


if __name__ == "__main__":
    main()
