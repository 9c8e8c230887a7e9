"""Look an interaction over without performing it: up to its first need of what is stored."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from fhirserver.definitions import Definitions
from fhirserver.interactions.types import Services
from fhirserver.store.database import Database


class _ReachedError(BaseException):
    """Nothing was wrong so far; no failure, so nobody who answers failures may catch it."""


class _NoDatabase(Database):
    """Ends what asks it for a connection; which search parameters there are it may be asked."""

    def __init__(self, behind: Database) -> None:
        super().__init__(behind.url, clock=behind.clock)
        self._behind = behind

    def current_definitions(self) -> Definitions:
        """Give what is in force now."""
        return self._behind.current_definitions()

    def connection(self) -> NoReturn:
        """Lend none."""
        raise _ReachedError

    def search_connection(self) -> NoReturn:
        """Lend none."""
        raise _ReachedError


def is_in_order(services: Services, interaction: Callable[[Services], object]) -> None:
    """Run what comes before the first statement: the policy, parsing, planning, validation.

    Args:
        services: what the interaction works with.
        interaction: given them with no database behind them, and without the key of paging links,
            as whoever performs it later has none.

    Raises:
        FhirError: what is wrong.
    """
    nothing = _NoDatabase(services.database)
    with suppress(_ReachedError):
        interaction(replace(services, database=nothing, cursor_key=b""))
