"""Migrations: from nothing, from every revision with data in it, by many at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fhirserver_migrations
import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from fhirserver.store.database import Database
from fhirserver.store.migrate import (
    SchemaRevisionError,
    check_revision,
    current_revision,
    migrate,
    upgrade_to,
)
from fhirserver.store.read import read
from fhirserver.store.schema import EXPECTED_REVISION
from fhirserver.store.write import write
from tests.store.resources import AUDIT, patient, put


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(fhirserver_migrations.__path__[0]))
    return config


REVISIONS = [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()]


@pytest.fixture
def blank_url(postgres: str) -> Iterator[str]:
    """URL of a database without any schema."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE blank")
        yield postgres.replace("/postgres?", "/blank?")
        connection.execute("DROP DATABASE blank WITH (FORCE)")


def revision_of(url: str) -> str | None:
    with psycopg.connect(url) as connection:
        return current_revision(connection)


def test_head_is_the_revision_that_the_code_expects() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == EXPECTED_REVISION


def test_many_migrators_at_once_migrate_once(blank_url: str) -> None:
    assert revision_of(blank_url) is None
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(migrate, [blank_url] * 4)) == {EXPECTED_REVISION}
    assert revision_of(blank_url) == EXPECTED_REVISION
    with psycopg.connect(blank_url) as connection:
        check_revision(connection)


@pytest.mark.parametrize("start", REVISIONS)
def test_populated_database_of_every_revision_is_upgraded(blank_url: str, start: str) -> None:
    config = _config()
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(blank_url), pool_size=1
    )
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, start)
        connection.exec_driver_sql(
            "INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id,"
            " present, body, keys) VALUES (nextval('rid_seq'), 1, 5, 1, 102, 1, 2, 1, 'old', '{}',"
            """ '{"resourceType":"Patient","id":"old"}', '')"""
        )
        connection.commit()
    engine.dispose()
    migrate(blank_url)
    database = Database(blank_url)
    stored = read(database, "Patient", "old", AUDIT)
    assert stored is not None
    assert write(database, [put(patient("old"))], AUDIT)[0].stored.version == 2
    database.close()


@pytest.mark.parametrize(
    ("found", "serves", "remedy"),
    [
        pytest.param("0000", "0000", "run `fhirserver migrate`", id="older"),
        pytest.param("9999", "9998", "install a newer fhirserver", id="newer"),
    ],
)
def test_another_revision_is_refused_with_the_remedy(
    database_url: str, found: str, serves: str, remedy: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE schema_revision SET version_num = %s, serves = %s", (found, serves)
        )
        with pytest.raises(SchemaRevisionError, match=remedy):
            check_revision(connection)
        connection.rollback()


def test_a_newer_schema_that_still_serves_this_code_is_accepted(blank_url: str) -> None:
    """Servers of the previous version serve on beside a migration, and start again after it."""
    migrate(blank_url)
    with psycopg.connect(blank_url) as connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
        check_revision(connection)
    assert migrate(blank_url) == "9999"
    assert revision_of(blank_url) == "9999"


def test_database_of_a_newer_version_is_not_migrated(blank_url: str) -> None:
    migrate(blank_url)
    with psycopg.connect(blank_url) as connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999', serves = '9998'")
    with pytest.raises(SchemaRevisionError, match="newer version"):
        migrate(blank_url)


def test_migration_gives_up_soon_when_a_table_is_locked(
    blank_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody would queue behind a migration that waits for a table."""
    monkeypatch.setattr("fhirserver.store.migrate._LOCK_TIMEOUT", "50ms")
    upgrade_to(blank_url, "0001")
    holder: psycopg.Connection[Any]
    with psycopg.connect(blank_url) as holder:
        holder.execute("LOCK TABLE schema_revision IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Exception, match="lock timeout"):
            migrate(blank_url)
    assert migrate(blank_url) == EXPECTED_REVISION
