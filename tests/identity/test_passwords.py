"""Passwords: which are taken, and that checking one never tells whether there is an account."""

from __future__ import annotations

import threading

import pytest
from argon2 import extract_parameters

from fhirserver.errors import InvalidRequestError, UnavailableError
from fhirserver.identity import passwords

ABOUT = ("mbrown", "Margaret Brown", "physician")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        pytest.param("otter-velve", "use 12 or more", id="SEC-U1/eleven-characters"),
        pytest.param("x7-" * 86, "use 256 at most", id="SEC-U1/too-long"),
        pytest.param("password1234", "soon be guessed", id="SEC-U1/of-breaches"),
        pytest.param("qwertyuiop12", "soon be guessed", id="SEC-U1/keyboard"),
        pytest.param("aaaaaaaaaaaaaaaa", "soon be guessed", id="SEC-U1/repeated"),
        pytest.param("margaretbrown", "soon be guessed", id="SEC-U1/own-name"),
        pytest.param("mbrown-mbrown", "soon be guessed", id="SEC-U1/own-username"),
        pytest.param("Margaret-Physician!", "own name", id="SEC-U1/own-name-and-role"),
        pytest.param("123456789012345", "soon be guessed", id="SEC-U1/sequence"),
    ],
)
def test_refused(password: str, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why) as refused:
        passwords.check_password(password, ABOUT)
    assert refused.value.issues[0].expression == ("password",)
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    [
        pytest.param("velvet otter parade", id="SEC-U1/words-only"),
        pytest.param("ヴェルヴェットの獺の行列です", id="SEC-U1/any-script"),
        pytest.param("velvet-otter-parade-" * 12, id="SEC-U1/long"),
        pytest.param(passwords.make_password(), id="SEC-U1/made-here"),
    ],
)
def test_taken(password: str) -> None:
    passwords.check_password(password, ABOUT)


def test_hashes_cost_what_they_should_also_nobodys() -> None:
    kept = passwords.hash_password("velvet otter \u212bngström")
    for each in (kept, passwords.NOBODYS):
        found = extract_parameters(each)
        assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == (
            "ID", 65536, 3, 4,
        )  # fmt: skip
        assert (found.salt_len, found.hash_len) == (16, 32)
    assert passwords.is_password(kept, "velvet otter \u00c5ngström"), "the same after NFKC"
    assert not passwords.is_password(kept, "velvet otter Angstrom")
    assert not passwords.is_password(None, "velvet otter")


def test_more_than_two_at_a_time_wait_and_then_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.01)
    slots = threading.BoundedSemaphore(2)
    monkeypatch.setattr(passwords, "_slots", slots)
    with slots, slots, pytest.raises(UnavailableError):
        passwords.is_password(None, "x")
