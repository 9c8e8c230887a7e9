"""What counts for nothing any more is forgotten; what still counts stays."""

from __future__ import annotations

import pytest

from fhirserver.smart import authorizations, clients, codes, grants, launches, tokens
from fhirserver.smart.authorize_request import AuthorizeRequest
from fhirserver.smart.clients import Client
from fhirserver.smart.codes import Code
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import NewToken
from fhirserver.store.database import Database
from fhirserver.store.oauth_expiry import ROTATED_KEPT_US, forget_oauth

NOW = 1_800_000_000_000_000
HOUR = 3600
TABLES = ("authorization", "launch", "code", "token", "grant")


@pytest.fixture(scope="module")
def filled(database: Database) -> Database:
    """One row of each kind, and two tokens: an hour, and one of a year that was replaced."""
    with database.connection() as connection:
        clients.add(connection, Client("app", "App", "public"))
        connection.execute(
            "INSERT INTO account (id, username, name, role, created, password, must_change)"
            " VALUES ('a', 'a', 'A', 'nurse', 0, '', false)"
        )
        request = AuthorizeRequest("https://app", "s", "openid", "c")
        authorizations.begin(connection, "app", request, NOW)
        launches.create(connection, "app", "a", "https://base/fhir", {}, now_us=NOW)
        under = grants.add(connection, TokenGrant("app", "https://base/fhir", "openid"), NOW)
        codes.add(connection, Code(under, "https://app", "c", {}), NOW)
        tokens.add(connection, under, NewToken("one", "access", "openid", HOUR), NOW)
        tokens.add(connection, under, NewToken("two", "refresh", "openid", 9000 * HOUR), NOW)
        kept = tokens.find(connection, "two", NOW)
        assert kept is not None
        assert tokens.rotate(connection, kept.number, NOW)
    return database


@pytest.mark.parametrize(
    ("after_s", "left"),
    [
        pytest.param(0, (1, 1, 1, 2, 1), id="all-count"),
        pytest.param(61, (1, 1, 0, 2, 1), id="the-code-has-expired"),
        pytest.param(301, (1, 0, 0, 2, 1), id="the-handle-has-expired"),
        pytest.param(901, (0, 0, 0, 2, 1), id="the-request-has-expired"),
        pytest.param(HOUR, (0, 0, 0, 1, 1), id="the-access-token-has-expired"),
        pytest.param(
            ROTATED_KEPT_US // 1_000_000, (0, 0, 0, 0, 0), id="nobody-waits-for-the-replaced-one"
        ),
    ],
)
def test_what_is_left(filled: Database, after_s: int, left: tuple[int, ...]) -> None:
    with filled.connection() as connection:
        with connection.transaction():
            forget_oauth(connection, NOW + after_s * 1_000_000, 10)
        counted = [
            connection.execute(f"SELECT count(*) FROM oauth_{table}".encode()).fetchone()
            for table in TABLES
        ]
    assert tuple(row[0] for row in counted if row) == left
