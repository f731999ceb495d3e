class UserError(Exception):
    """Something that the user can put right: shown as it is, one problem a line. Every other exception is a bug."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
