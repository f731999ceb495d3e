from dataclasses import dataclass


class RunError(Exception):
    """The training itself failed, for a reason that its message names: started again, it would fail in the same way."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of a config, or with the whole of it."""

    field: str
    """Dotted path of the field, such as grpo.max_steps; empty where the problem belongs to no single field."""
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class UserError(Exception):
    """What the user can put right: its text is shown as it is, one problem a line. Every other exception is a bug."""

    def __init__(self, *problems: "str | Problem") -> None:
        self.by_field = tuple(one if isinstance(one, Problem) else Problem("", one) for one in problems)
        self.problems = tuple(" ".join(str(one).splitlines()) for one in problems)  # a value may hold line breaks
        super().__init__("\n".join(self.problems))
