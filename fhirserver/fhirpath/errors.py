"""What can go wrong: text that does not parse, evaluations that fail or never end."""


class FhirPathError(Exception):
    """An expression is wrong, or cannot be evaluated on this input.

    Args:
        message: what is wrong, for the expression's author.
        position: offset in the source, 0-based; None for errors of evaluation.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        super().__init__(message if position is None else f"{message} at offset {position}")
        self.position = position


class FhirPathLimitError(FhirPathError):
    """An expression, or its evaluation on this input, goes beyond a limit, which the text names."""
