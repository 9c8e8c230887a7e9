"""An empty database for every test of the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fhirserver.store.database import Database
from tests.conftest import truncate_all


@pytest.fixture
def empty(database: Database, database_url: str) -> Database:
    """This module's database without rows."""
    truncate_all(database_url)
    return database


@pytest.fixture
def sql(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection to look into the tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
