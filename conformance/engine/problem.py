"""Why an action cannot be judged."""

from typing import Literal


class ActionProblem(Exception):  # noqa: N818 - a skip is no error
    """An operation cannot be sent, or an assert cannot be judged.

    Args:
        message: the place, the rule and the remedy.
        verdict: "error" for what is broken, "skip" for what is not offered here.
    """

    def __init__(self, message: str, verdict: Literal["error", "skip"] = "error") -> None:
        super().__init__(message)
        self.verdict = verdict
