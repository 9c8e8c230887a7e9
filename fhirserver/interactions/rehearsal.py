"""Look an interaction over without performing it: run it up to its first need of the database."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NoReturn

from fhirserver.interactions.types import Services
from fhirserver.store.database import Database


class _ReachedError(Exception):
    """Nothing was wrong so far."""


class _NoDatabase(Database):
    """Ends what asks it for a connection."""

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
    nothing = _NoDatabase(services.database.url, clock=services.database.clock)
    with suppress(_ReachedError):
        interaction(replace(services, database=nothing, cursor_key=b""))
