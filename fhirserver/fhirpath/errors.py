"""What can go wrong: text that does not parse, evaluations that fail or never end."""


class FhirPathError(Exception):
    """An expression is wrong, or cannot be evaluated on this input.

    Args:
        message: what is wrong, for the expression's author.
        position: offset in the source, 0-based; None where no place is known.

    Attributes:
        message: as given, without the position.
        position: as given, or as found out since.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position

    def __str__(self) -> str:
        if self.position is None:
            return self.message
        return f"{self.message} at offset {self.position}"

    def place(self, position: int | None) -> None:
        """Say where it happened, unless a place further inside is known."""
        if self.position is None:
            self.position = position


class FhirPathLimitError(FhirPathError):
    """An expression, or its evaluation on this input, goes beyond a limit, which the text names."""


def line_and_column(source: str, position: int) -> tuple[int, int]:
    """Give line and column of an offset, as editors count them: from 1."""
    before = source[:position]
    line = before.count("\n") + 1
    return line, position - (before.rfind("\n") + 1) + 1
