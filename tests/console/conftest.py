"""Somebody to log in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.console.people import People
from tests.secured import Secured
from tests.visitor import Visitor


@pytest.fixture
def people(secured: Secured) -> People:
    """The people of the session's server with authentication: none so far, and nothing is shut."""
    with secured.database.connection() as connection:
        connection.execute("TRUNCATE account, broken_glass CASCADE")
        connection.execute("TRUNCATE login_attempt")
    return People(secured)


@pytest.fixture
def visitor(secured: Secured) -> Iterator[Visitor]:
    """A browser in which nobody has logged in."""
    with Visitor(secured.base) as opened:
        yield opened


@pytest.fixture
def browsers() -> Iterator[ExitStack]:
    """What closes further browsers in the end."""
    with ExitStack() as stack:
        yield stack
