"""What a Bundle remembers that may be taken up again, in the background or by its caller.

A process can die between any two statements. What is remembered in a session is so exactly if that
commits; so each entry of a batch, and a transaction as a whole, takes effect once.
"""

from typing import Protocol

from fhirserver.interactions.types import Result
from fhirserver.store.write import WriteSession


class Memory(Protocol):
    """Remembers one Bundle."""

    def recall(self) -> dict[int, bytes]:
        """Give the answers to the entries of a batch that are done, by index."""

    def check_caller(self) -> None:
        """Refuse to go on where the caller may not do any more what it could when it asked.

        Raises:
            UnauthorizedError, ForbiddenError: see `on_behalf`.
        """

    def weigh(self, answer: bytes) -> None:
        """Refuse one more answer if all together would be too large to keep.

        Raises:
            TooLargeError: they would be.
        """

    def claim(self, session: WriteSession, entry: int) -> bytes | None:
        """Give the answer to an entry that somebody else has done since `recall`.

        Until the session ends, nobody else does that entry.
        """

    def remember(self, session: WriteSession, entry: int, answer: bytes) -> bytes:
        """Remember the answer to an entry of a batch, and give it; an earlier one stays."""

    def conclude(self, session: WriteSession, result: Result) -> None:
        """Remember the answer to a transaction.

        Raises:
            TooLargeError: it is too large to keep.
        """
