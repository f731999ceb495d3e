class RunError(Exception):
    """The training itself went wrong, said in words: started again, it would end in the same way."""


class UserError(Exception):
    """Something that the user can put right: shown as it is, one problem a line. Every other exception is a bug."""

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(" ".join(problem.splitlines()) for problem in problems)  # a value may hold line breaks
        super().__init__("\n".join(self.problems))
