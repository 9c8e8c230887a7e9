"""The end of a command that cannot go on."""


class CommandError(Exception):
    """A command cannot go on.

    Args:
        message: what is wrong and what to do; goes to standard error.
        exit_code: see `fhirserver.cli`.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
