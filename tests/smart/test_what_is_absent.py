"""What is not built yet is absent: nowhere told of, and no way to data. SEC-B7, B8, B9, E20, G2, W.

Grants of other kinds are refused in the tests of tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.secured import Caller, Secured


@pytest.fixture(scope="module")
def program(secured: Secured) -> Iterator[Caller]:
    """A program that may do everything that can be done."""
    with secured.caller(secured.issue("system/*.cruds").secret) as caller:
        yield caller


OPERATIONS = ("$export", "$import", "$graphql", "$everything", "$match", "$summary", "$lastn")
PLACES = ("", "Patient/", "Patient/1/", "Group/1/")


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_operations(program: Caller, method: str, place: str, operation: str) -> None:
    """SEC-B7, SEC-E16: 404 with an OperationOutcome, whoever asks; 401 for who is not known."""
    body = {"resourceType": "Parameters"} if method == "POST" else None
    answer = program.request(method, place + operation, body)
    assert answer.status == 404, answer.text
    assert answer.json["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("path", ["$export", "Patient/$export", "Group/1/$export"])
def test_nobody_learns_what_there_is(secured: Secured, path: str) -> None:
    with secured.caller() as nobody:
        assert nobody.get(path).status == 401


@pytest.mark.parametrize(
    "word",
    [
        *OPERATIONS,
        "udap",
        "smart-app-state",
        "user_access_brand",
        "token-exchange",
        "tls_client_auth",
        "dpop",
        "rest-hook",
        "subscriptions-backport",
    ],
)
def test_nothing_tells_of_it(secured: Secured, word: str) -> None:
    """SEC-B8, SEC-B9, SEC-E20, SEC-G2, SEC-W1, SEC-W2."""
    with secured.caller() as nobody:
        for told in ("metadata", ".well-known/smart-configuration"):
            answer = nobody.get(told)
            assert answer.status == 200
            assert word.strip("$") not in json.dumps(answer.json).lower(), told
