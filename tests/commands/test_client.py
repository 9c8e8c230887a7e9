"""`fhirserver client` and `fhirserver keys`: what an operator does about applications."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fhirserver.cli import main
from fhirserver.smart import clients
from fhirserver.smart.clients import Client
from fhirserver.smart.invitations import use_invitation
from fhirserver.smart.tokens import digest
from fhirserver.store.database import Database, now_us
from tests.smart.assertions import key_set

CALLBACK = "https://app.example.org/callback"
Run = Callable[..., tuple[int, list[str], str]]
"""Runs a command and gives its exit code, the words that it printed, and its messages."""
WEB = ("--redirect-uri", CALLBACK)


@pytest.fixture
def run(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, list[str], str]:
        (tmp_path / "keys.json").write_text(json.dumps(key_set("rsa-1")))
        store = ("--database-url", database_url, "--data-dir", str(tmp_path / "data"))
        given = [each.format(folder=tmp_path) for each in arguments]
        code = main([*given, *store])
        captured = capsys.readouterr()
        return code, captured.out.split(), captured.err

    return call


def find(database: Database, client_id: str) -> Client:
    found = clients.find(database, client_id)
    assert found is not None
    return found


def test_the_life_of_an_application(run: Run, database: Database) -> None:
    code, out, _ = run("client", "add", "app", *WEB, "--auth-method", "client_secret_basic")
    assert (code, out[:3]) == (0, ["client_id", "app", "client_secret"])
    assert clients.secrets_of(database, "app") == (digest(out[3]),)
    added = find(database, "app")
    assert (added.approved, added.dynamically_registered, added.origins) == (
        True,
        False,
        ("https://app.example.org",),
    )
    second, third = (run("client", "secret", "app")[1][1] for _ in range(2))
    assert clients.secrets_of(database, "app") == (digest(third), digest(second))
    only = run("client", "secret", "app", "--only")[1][1]
    assert clients.secrets_of(database, "app") == (digest(only),)

    assert run("client", "disable", "app")[0] == 0
    assert find(database, "app").disabled
    assert "disabled" in run("client", "list")[1]
    assert run("client", "enable", "app")[0] == 0
    assert not find(database, "app").disabled
    assert clients.secrets_of(database, "app") == (digest(only),)
    assert run("client", "delete", "app")[0] == 0
    assert clients.find(database, "app") is None


def test_what_registered_itself_is_approved(run: Run, database: Database) -> None:
    """SEC-G3."""
    with database.connection() as connection:
        clients.add(connection, Client("waiting", "W", "public", approved=False))
    assert "waiting" in run("client", "list")[1]
    assert run("client", "approve", "waiting")[0] == 0
    assert (find(database, "waiting").approved, find(database, "waiting").pre_approved) == (
        True,
        False,
    )


def test_a_backend_service_is_added(run: Run, database: Database) -> None:
    arguments = ("--auth-method", "private_key_jwt", "--grant-type", "client_credentials")
    keys = ("--jwks", "{folder}/keys.json", "--scope", "system/Observation.rs")
    code, out, _ = run("client", "add", "nightly", *arguments, *keys)
    assert (code, out) == (0, ["client_id", "nightly"])
    assert find(database, "nightly").jwks == key_set("rsa-1")


def test_an_invitation_is_printed(run: Run, database: Database) -> None:
    _, (invitation,), _ = run("client", "invite", "--uses", "1", "--days", "2")
    with database.connection() as connection:
        late = now_us() + 3 * 86_400_000_000
        assert not use_invitation(connection, invitation, late)
        assert use_invitation(connection, invitation, now_us())


def test_keys_are_listed_and_rotated(run: Run) -> None:
    """SEC-O3."""
    assert run("keys", "list")[:2] == (0, [])
    first = run("keys", "rotate")[1]
    assert first[3:] == ["signs"]
    second = run("keys", "rotate")[1]
    assert [second[0], second[3], second[7]] == [first[0], "signs", "published"]
    only = run("keys", "rotate", "--at-once")[1]
    assert (len(only), only[3]) == (4, "signs")
    assert only[0] not in second


def test_a_key_is_not_made_with_a_secret_that_servers_do_not_have(run: Run, tmp_path: Path) -> None:
    run("keys", "rotate", "--at-once")
    (tmp_path / "data" / "secrets.key").write_bytes(bytes(32))
    code, _, err = run("keys", "rotate")
    assert (code, "another secrets.key" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("add", "app"), 2, "redirect_uris"),
        (("add", "app", "--redirect-uri", "http://app.example.org/"), 2, "https"),
        (("add", "a b", *WEB), 2, "letters"),
        (("add", "app", *WEB, "--scope", "patient/Nothing.rs"), 2, "Nothing"),
        (("add", "app", *WEB, "--origin", "https://a.org; script-src *"), 2, "--origin"),
        (("add", "app", "--jwks", "{folder}/none.json"), 1, "none.json"),
        (("add", "app", *WEB, "--owner", "nobody"), 1, "username"),
        (("disable",), 2, "ID"),
        (("disable", "nobody"), 1, "nobody"),
        (("approve", "nobody"), 1, "nobody"),
        (("delete", "nobody"), 1, "nobody"),
        (("secret", "nobody"), 1, "nobody"),
    ],
)
def test_what_does_not_fit_is_told(
    run: Run, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended, _, err = run("client", *arguments)
    assert (ended, says in err) == (code, True), err


def test_an_id_is_given_once(run: Run) -> None:
    assert run("client", "add", "twice", *WEB)[0] == 0
    code, _, err = run("client", "add", "twice", *WEB)
    assert (code, "twice" in err) == (1, True)
