"""The end of a command that cannot start."""


class UsageError(Exception):
    """The command line, a file it names or the suite is wrong; the message says what to do."""
