"""The end of a command that cannot go on."""

from typing import NoReturn


class CommandError(Exception):
    """A command cannot go on.

    Args:
        message: what is wrong and what to do; goes to standard error.
        exit_code: see `fhirserver.cli`.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def fail_on_path(error: OSError | ValueError) -> NoReturn:
    """End a command whose path on the command line cannot be read or written.

    Raises:
        CommandError: exit code 2.
    """
    raise CommandError(said(error), exit_code=2) from None


def said(error: Exception) -> str:
    """Say what an error says, in the words of the operating system where they are its own."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)
