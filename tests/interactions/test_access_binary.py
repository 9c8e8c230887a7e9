"""A Binary is seen and written by whoever may see and write what stands for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import ConflictError, FhirError, NotFoundError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.create import create
from fhirserver.interactions.delete import delete
from fhirserver.interactions.large_content import uploaded
from fhirserver.interactions.read import read
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.transaction import transaction
from fhirserver.interactions.update import update
from fhirserver.interactions.vread import vread
from fhirserver.model.json import parse_json
from fhirserver.store.database import Database, now_us
from tests.conftest import truncate_all

AUTH = AuthContext("Patient/a", "app", "request-1")


def only_a(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=True, reason="the patient's own record", grants=(Grant(("a",)),))


def nobody(_auth: AuthContext, _access: Access) -> Decision:
    return Decision(allowed=False, reason="closed")


def binary(id_: str, context: str | None) -> dict[str, Any]:
    made = {"resourceType": "Binary", "id": id_, "contentType": "text/plain", "data": "YQ=="}
    return made if context is None else {**made, "securityContext": {"reference": context}}


def media(id_: str, patient: str) -> dict[str, Any]:
    subject = {"reference": f"Patient/{patient}"}
    content = {"contentType": "image/png"}
    return {
        "resourceType": "Media",
        "id": id_,
        "status": "completed",
        "subject": subject,
        "content": content,
    }


CONTEXTS = [
    pytest.param("Patient/a", True, id="patient"),
    pytest.param("Media/ma", True, id="resource-of-the-patient"),
    pytest.param("Patient/a/_history/1", True, id="version"),
    pytest.param("http://127.0.0.1:8080/fhir/Media/ma", True, id="own-base"),
    pytest.param("Patient/b", False, id="other-patient"),
    pytest.param("Media/mb", False, id="resource-of-another-patient"),
    pytest.param("Organization/o", False, id="of-nobody"),
    pytest.param("Binary/patient", False, id="another-binary"),
    pytest.param("http://elsewhere/fhir/Patient/a", False, id="elsewhere"),
    pytest.param(None, False, id="none"),
]


@pytest.fixture
def confined(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    everything = Services(r4(), database, Settings(), allow_all, now_us, b"k" * 32)
    for body in (
        {"resourceType": "Patient", "id": "a"},
        {"resourceType": "Patient", "id": "b"},
        {"resourceType": "Organization", "id": "o", "name": "x"},
        media("ma", "a"),
        media("mb", "b"),
        binary("patient", "Patient/a"),
    ):
        update(everything, AUTH, str(body["resourceType"]), str(body["id"]), body)
    return Services(r4(), database, Settings(), only_a, now_us, b"k" * 32)


def everything(confined: Services) -> Services:
    return Services(r4(), confined.database, Settings(), allow_all, now_us, b"k" * 32)


@pytest.mark.parametrize(("context", "granted"), CONTEXTS)
def test_reads(confined: Services, context: str | None, granted: bool) -> None:
    update(everything(confined), AUTH, "Binary", "x", binary("x", context))
    asked = (
        lambda: read(confined, AUTH, "Binary", "x"),
        lambda: vread(confined, AUTH, "Binary", "x", "1"),
    )
    for ask in asked:
        if granted:
            assert ask().status == 200
            continue
        with pytest.raises(FhirError) as caught:
            ask()
        assert caught.value.status == 404
    delete(confined, AUTH, "Binary", "x")
    if not granted:
        assert read(everything(confined), AUTH, "Binary", "x").status == 200


@pytest.mark.parametrize(("context", "granted"), CONTEXTS)
def test_writes(confined: Services, context: str | None, granted: bool) -> None:
    update(everything(confined), AUTH, "Binary", "x", binary("x", "Patient/a"))
    body = binary("x", context)
    entry = {"resource": body, "request": {"method": "PUT", "url": "Binary/x"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    for write in (
        lambda: create(confined, AUTH, "Binary", body),
        lambda: update(confined, AUTH, "Binary", "x", body),
        lambda: transaction(confined, AUTH, bundle),
    ):
        if granted:
            assert write().status in (200, 201)
            continue
        with pytest.raises(FhirError) as caught:
            write()
        assert caught.value.status == 403


@pytest.mark.parametrize("integrity", ["enforce", "warn", "off"])
@pytest.mark.parametrize("name", ["b", "none"])
def test_nobody_reads_by_attaching(
    confined: Services, integrity: Literal["enforce", "warn", "off"], name: str
) -> None:
    """SEC-E17: whatever becomes of references to nothing elsewhere."""
    update(everything(confined), AUTH, "Binary", "b", binary("b", None))
    services = replace(confined, settings=Settings(referential_integrity=integrity))
    attached = {"contentType": "text/plain", "url": f"Binary/{name}"}
    with pytest.raises(ConflictError, match=f"Binary/{name}, which is not stored"):
        create(services, AUTH, "Media", {**media("m", "a"), "content": attached})
    with pytest.raises(NotFoundError):
        read(confined, AUTH, "Binary", "b")
    free = replace(services, policy=allow_all)
    allowed = name == "b" or integrity != "enforce"
    made = {**media("m", "a"), "content": attached}
    if allowed:
        assert create(free, AUTH, "Media", made).status == 201


def test_lists_show_no_binary_to_a_confined_caller(confined: Services) -> None:
    for context in ("Patient/a", "Patient/b"):
        update(everything(confined), AUTH, "Binary", "x", binary("x", context))
        body = search_type(confined, AUTH, "Binary", Query()).body
        assert body is not None
        assert parse_json(body)["total"] == 0


def test_whoever_may_not_write_uploads_nothing(confined: Services) -> None:
    closed = Services(r4(), confined.database, Settings(), nobody, now_us, b"k" * 32)
    parts = iter([b"a"])
    with (
        pytest.raises(FhirError, match="closed"),
        uploaded(closed, AUTH, "create", None, parts),
    ):
        pass
    assert next(parts) == b"a"
