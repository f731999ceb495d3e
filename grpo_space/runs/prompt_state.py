"""What a checkpoint keeps of a run's chosen prompts, so that a resumed run chooses as if it had not been interrupted.

It is read as what others wrote: a checkpoint may come from a backup.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from grpo_space.errors import UserError
from grpo_space.foreign import read_json_file

PROMPTS = "prompts.json"
"""The file's name within a checkpoint."""
Count = Annotated[int, Field(ge=0, lt=2**53)]


class Record(BaseModel):
    """Base of both models: what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Chosen(Record):
    """The prompts of one batch, as numbers of problems: first those that are met again, then the new ones."""

    problems: tuple[Count, ...]
    again: Count


class PromptState(Record):
    """All that a choice of prompts depends on."""

    problems: Count
    """How many there are to choose from."""
    drawn: Count
    """How many were drawn in their turn so far."""
    live: tuple[tuple[Count, Count], ...]
    """Problems that taught when they were last written for, and the batch for which each was last chosen."""
    batches: tuple[Chosen, ...]
    """What was chosen for each batch, from the first one on."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        named = [problem for problem, _ in self.live] + [each for batch in self.batches for each in batch.problems]
        for problem in named:
            if problem >= self.problems:
                raise ValueError(f"names problem {problem}, and there are {self.problems}")
        return self


def write_prompts(checkpoint: Path, state: PromptState) -> None:
    """Writes the state into a checkpoint, before the manifest that covers it."""
    (checkpoint / PROMPTS).write_text(state.model_dump_json(), encoding="utf-8")


def read_prompts(checkpoint: Path) -> PromptState | None:
    """The state in a checkpoint; None: it has none, as its run did not choose. A damaged one is a UserError."""
    file = checkpoint / PROMPTS
    if not file.exists():
        return None
    data = read_json_file(file)
    try:
        return PromptState.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{PROMPTS}: {where + ': ' if where else ''}{first['msg']}") from None
