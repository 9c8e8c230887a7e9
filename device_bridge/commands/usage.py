"""The end of a command that cannot do what it was asked for."""


class UsageError(Exception):
    """The message says what is wrong and what to do.

    Attributes:
        exit_code: 2 where the caller's words or files are wrong, 1 where the work failed.
    """

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
