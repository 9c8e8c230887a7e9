"""What many tests share: PostgreSQL, databases, a running server, the shared test data.

postgres       one embedded cluster per session
database_url   a database with our schema, cloned per module from a template
database       `Database` on it
server         one real server per session, on a database of its own
client         a connection to it
clean          empties the server's database before a test
secured        a server with authentication, on a database of its own, one per session
test_data      folder of the shared test data, or a skip
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from fhirserver.store.database import Database
from fhirserver.store.embedded import EmbeddedPostgres
from fhirserver.store.migrate import migrate
from tests.client import Client
from tests.secured import Secured
from tests.server import ServerProcess

# Drawn examples are the same in every run, and may take their time: neither luck nor a busy machine
# fails a test. `--hypothesis-profile=default` draws others.
settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

_TEMPLATE = "template_fhirserver"
_OF_SECURED = {
    "FHIRSERVER_JWKS_NETWORKS": "127.0.0.0/8",
    "FHIRSERVER_SECOND_FACTOR": "roles:front-desk",
}
_numbers = itertools.count(1)

_TRUNCATE = """
DO $$
DECLARE
    tables text[];
    named text;
    has_rows boolean;
    filled text[] := '{}';
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);  -- the audit trail refuses
    LOCK TABLE lease IN ACCESS EXCLUSIVE MODE;  -- duties have theirs before anything else
    SELECT array_agg(format('%I', relname) ORDER BY relname) INTO tables
    FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace AND relname <> 'schema_revision';
    EXECUTE 'LOCK TABLE ' || array_to_string(tables, ', ') || ' IN ACCESS EXCLUSIVE MODE';
    -- Truncating makes new files, also for what is empty: only what has rows is worth them.
    FOREACH named IN ARRAY tables LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || named || ')' INTO has_rows;
        IF has_rows THEN filled := filled || named; END IF;
    END LOOP;
    IF filled <> '{}' THEN
        EXECUTE 'TRUNCATE ' || array_to_string(filled, ', ') || ' CASCADE';
    END IF;
END $$
"""


def pytest_sessionstart() -> None:
    """Let Ctrl-C interrupt tests and their processes; pytest-xdist's processes ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the maintenance database of a cluster that lives as long as the session.

    What a crash would lose does not matter here, so nothing waits for the disk.
    """
    data_dir = tmp_path_factory.mktemp("cluster")
    with EmbeddedPostgres(data_dir) as server:
        maintenance = _with_name(server.url, "postgres")
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET synchronous_commit = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
        migrate(_with_name(server.url, _TEMPLATE))
        yield maintenance


def new_database(maintenance: str) -> str:
    """Clone the template and return the URL of the copy."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}".encode())
    return _with_name(maintenance, name)


_DEADLOCKS = 5


def truncate_all(url: str) -> None:
    """Empty every table but the schema's revision, also while background work still writes."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(_DEADLOCKS):
            with contextlib.suppress(psycopg.errors.DeadlockDetected):
                connection.execute(_TRUNCATE)
                return
        connection.execute(_TRUNCATE)


@pytest.fixture(scope="module")
def database_url(postgres: str) -> Iterator[str]:
    """URL of this module's own database, migrated and empty."""
    url = new_database(postgres)
    yield url
    with psycopg.connect(postgres, autocommit=True) as connection:
        name = urlsplit(url).path.removeprefix("/")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """This module's database as the server uses one."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def server_database_url(postgres: str) -> str:
    """URL of the database of the session's server."""
    return new_database(postgres)


@pytest.fixture(scope="session")
def server(
    server_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """The session's server."""
    folder = tmp_path_factory.mktemp("server")
    arguments = ("--database-url", server_database_url, "--data-dir", str(folder / "data"))
    with ServerProcess(folder / "server.log", (*arguments, "--workers", "2")) as running:
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Client]:
    """A connection to the session's server."""
    with server.client() as opened:
        yield opened


@pytest.fixture
def clean(server: ServerProcess, server_database_url: str) -> None:
    """An empty server."""
    truncate_all(server_database_url)


@pytest.fixture(scope="session")
def secured(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The session's server with authentication."""
    folder = tmp_path_factory.mktemp("secured")
    url = new_database(postgres)
    arguments = ("--database-url", url, "--data-dir", str(folder / "data"), "--workers", "2")
    with (
        ServerProcess(folder / "server.log", arguments, _OF_SECURED, open=False) as running,
        closing(Database(url)) as database,
    ):
        yield Secured(running, database)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of the shared test data: FHIR examples, Synthea patients, search cases."""
    named = os.environ.get("FHIRSERVER_TEST_DATA")
    if not named:
        pytest.skip("FHIRSERVER_TEST_DATA names no folder with the shared test data")
    return Path(named)


def _with_name(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
