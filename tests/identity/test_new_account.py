"""Accounts: what one may be, by role, and that nothing else is made."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from fhirserver.access import ROLES as ROLES_OF_ACCESS
from fhirserver.definitions import r4
from fhirserver.errors import ConflictError, FhirError, InvalidRequestError
from fhirserver.identity import account_changes, accounts, new_account
from fhirserver.identity.accounts import Account, Proxied
from fhirserver.identity.new_account import NewAccount
from fhirserver.identity.roles import ROLES
from fhirserver.store.database import Database, now_us

PASSWORD = "velvet-otter-parade-19"
NURSE = NewAccount("nora", "Nora Quist", "nurse", "Practitioner/9")
NOON = 1_790_000_000_000_000
"""2026-09-21T13:33:20Z"""


def test_every_role_of_access_is_one_of_accounts() -> None:
    assert set(ROLES) == set(ROLES_OF_ACCESS)
    named = {type_ for role in ROLES.values() for type_ in role.types}
    assert named <= set(r4().resource_types)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"username": ""}, "username", id="no-username"),
        pytest.param({"username": "n"}, "username", id="short-username"),
        pytest.param({"username": "n/../x"}, "username", id="path-in-username"),
        pytest.param({"username": "nörá"}, "username", id="username-beyond-ascii"),
        pytest.param({"username": "n" * 65}, "username", id="long-username"),
        pytest.param({"name": "  "}, "name", id="no-name"),
        pytest.param({"name": "Nora\nQuist"}, "name", id="line-break-in-name"),
        pytest.param({"role": "surgeon"}, "role", id="no-such-role"),
        pytest.param({"fhir_user": None}, "fhirUser", id="SEC-E21/nurse-without-practitioner"),
        pytest.param({"fhir_user": "Patient/1"}, "fhirUser", id="nurse-as-patient"),
        pytest.param({"fhir_user": "Practitioner/"}, "fhirUser", id="no-id"),
        pytest.param({"fhir_user": "Practitioner/a/b"}, "fhirUser", id="no-relative-reference"),
        pytest.param(
            {"role": "patient", "fhir_user": None}, "fhirUser", id="SEC-E21/patient-without-id"
        ),
        pytest.param({"patients": (Proxied("p", 1),)}, "patients", id="nurse-as-proxy"),
        pytest.param(
            {"role": "proxy", "fhir_user": None, "patients": (Proxied("no id", 1),)},
            "patients",
            id="no-id-of-a-patient",
        ),
    ],
)
def test_refused(database: Database, changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        new_account.add(
            database,
            replace(NURSE, **changes),
            PASSWORD,
            must_change=True,
            now=NOON,  # type: ignore[arg-type] # fields by name
        )
    assert refused.value.issues[0].expression == (field,)


@pytest.fixture(scope="module")
def proxy(database: Database) -> Account:
    wanted = NewAccount(
        "Pat.Proxy", "Pat", "proxy", "RelatedPerson/r", None,
        (Proxied("child", NOON + 1), Proxied("mother", NOON)),
    )  # fmt: skip
    return new_account.add(database, wanted, PASSWORD, must_change=False, now=NOON)


def test_made_and_found_by_id_and_name_in_any_case(database: Database, proxy: Account) -> None:
    assert accounts.find(database, proxy.id) == proxy
    assert accounts.find_named(database, " PAT.proxy ") == proxy
    assert accounts.find(database, "nobody") is None
    with pytest.raises(ConflictError, match="taken"):
        new_account.add(
            database, replace(NURSE, username="PAT.PROXY"), PASSWORD, must_change=True, now=NOON
        )


def test_missing_references_are_named(database: Database, proxy: Account) -> None:
    wanted = NewAccount("x", "x", "proxy", "RelatedPerson/r", patients=(Proxied("child", NOON),))
    assert new_account.missing(database, wanted.references) == ["RelatedPerson/r", "Patient/child"]


def test_a_proxy_acts_for_each_patient_until_an_instant(database: Database, proxy: Account) -> None:
    """SEC-E25."""
    with database.connection() as connection:
        assert accounts.proxied(connection, proxy.id, NOON) == [Proxied("child", NOON + 1)]
        assert accounts.proxied(connection, proxy.id, NOON + 1) == []
    twice = [Proxied("child", NOON + 5), Proxied("child", NOON + 9)]
    account_changes.set_patients(database, proxy, twice)
    with database.connection() as connection:
        assert accounts.proxied(connection, proxy.id, NOON + 8) == [Proxied("child", NOON + 9)]
    account_changes.set_role(database, proxy, "auditor", None)
    with database.connection() as connection:
        assert accounts.proxied(connection, proxy.id, NOON) == []
    with pytest.raises(FhirError, match="only a proxy"):
        account_changes.set_patients(database, accounts.named(database, proxy.username), twice)


@pytest.mark.parametrize(
    ("last_day", "trained"),
    [
        pytest.param(None, True, id="SEC-U5/none-asked-for"),
        pytest.param(date(2026, 9, 21), True, id="SEC-U5/last-day"),
        pytest.param(date(2026, 9, 20), False, id="SEC-U5/day-after"),
    ],
)
def test_training_counts_to_the_end_of_its_last_day(last_day: date | None, trained: bool) -> None:
    account = Account("1", "n", "N", "nurse", "Practitioner/9", last_day, False, NOON, False, False)
    assert account.is_trained(NOON) is trained


def test_handed_out_passwords_differ_and_are_easy_to_read() -> None:
    made = {new_account.passwords.make_password() for _ in range(50)}
    assert len(made) == 50
    assert all(
        re.fullmatch(r"([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}", each) for each in made
    )
    assert now_us() > NOON
