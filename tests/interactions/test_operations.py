"""Operations, through the functions that HTTP calls.

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

import json
from typing import Any

import pytest

from fhirserver.access import AuthContext, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.interactions.update import update
from fhirserver.operations import OFFERED, Call, invoke
from fhirserver.store.database import Database, now_us
from tests.conftest import truncate_all

AUTH = AuthContext("anonymous", "test", "1")
GOOD = {"resourceType": "Basic", "code": {"text": "x"}}
BAD = {"resourceType": "Basic", "code": 1}
DANGLING = {**GOOD, "subject": {"reference": "Patient/none"}}


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    made = Services(r4(), database, Settings(), allow_all, now_us, b"k" * 32, OFFERED)
    update(made, AUTH, "Patient", "p", {"resourceType": "Patient", "id": "p"})
    basic = {**GOOD, "id": "b", "subject": {"reference": "Patient/p"}}
    update(made, AUTH, "Basic", "b", basic)
    return made


def validate(
    services: Services, type_: str, id_: str | None, query: str, content: Any
) -> list[tuple[str, str]]:
    call = Call(services, AUTH, type_, id_, Query(parse_pairs(query)), content)
    result = invoke("validate", call, "POST")
    assert result.status == 200
    assert result.body is not None
    issues = json.loads(result.body)["issue"]
    return [(issue["severity"], issue["code"]) for issue in issues]


def parameters(**values: Any) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for name, value in values.items():
        kind = "resource" if name == "resource" else "valueCode"
        parts.append({"name": name, kind: value})
    return {"resourceType": "Parameters", "parameter": parts}


@pytest.mark.parametrize(
    ("type_", "id_", "query", "content", "severity"),
    [
        pytest.param("Basic", None, "", GOOD, "information", id="good"),
        pytest.param("Basic", None, "", BAD, "error", id="bad"),
        pytest.param("Basic", None, "", parameters(resource=GOOD), "information", id="Parameters"),
        pytest.param("Basic", None, "", DANGLING, "information", id="by itself"),
        pytest.param("Basic", None, "mode=create", GOOD, "information", id="create"),
        pytest.param("Basic", None, "mode=create", DANGLING, "error", id="create dangling"),
        pytest.param(
            "Basic", None, "", parameters(resource=DANGLING, mode="create"), "error",
            id="create in Parameters",
        ),
        pytest.param("Basic", "b", "mode=update", {**GOOD, "id": "b"}, "information", id="update"),
        pytest.param("Basic", "b", "mode=update", {**GOOD, "id": "c"}, "error", id="other id"),
        pytest.param("Basic", None, "mode=update", GOOD, "error", id="update without an id"),
        pytest.param("Basic", "b", "mode=delete", None, "information", id="delete"),
        pytest.param("Patient", "p", "mode=delete", None, "error", id="delete referenced"),
        pytest.param("Patient", "p", "", None, "information", id="stored"),
        pytest.param(
            "Basic", None, "profile=http://hl7.org/fhir/StructureDefinition/Basic", GOOD,
            "information", id="base profile",
        ),
    ],
)  # fmt: skip
def test_validate(
    services: Services, type_: str, id_: str | None, query: str, content: Any, severity: str
) -> None:
    assert validate(services, type_, id_, query, content)[0][0] == severity


@pytest.mark.parametrize(
    ("type_", "id_", "query", "content", "status"),
    [
        pytest.param("Basic", None, "", None, 400, id="nothing to check"),
        pytest.param("Basic", None, "mode=x", GOOD, 400, id="unknown mode"),
        pytest.param("Basic", None, "x=1", GOOD, 400, id="unknown parameter"),
        pytest.param("Basic", None, "mode=delete", GOOD, 400, id="delete with a resource"),
        pytest.param("Patient", None, "", GOOD, 400, id="another type"),
        pytest.param("Basic", None, "profile=http://x", GOOD, 400, id="unknown profile"),
        pytest.param("Basic", "none", "", None, 404, id="no such instance"),
        pytest.param("Basic", None, "", parameters(resource=1, mode=2), 400, id="wrong types"),
    ],
)
def test_wrong_calls_are_refused(
    services: Services, type_: str, id_: str | None, query: str, content: Any, status: int
) -> None:
    with pytest.raises(FhirError) as caught:
        validate(services, type_, id_, query, content)
    assert caught.value.status == status


def test_a_rehearsal_leaves_nothing(services: Services) -> None:
    validate(services, "Basic", None, "mode=create", GOOD)
    validate(services, "Basic", "b", "mode=delete", None)
    validate(services, "Basic", "b", "mode=update", {**GOOD, "id": "b", "language": "en"})
    with services.database.connection() as connection:
        live = connection.execute("SELECT count(*) FROM resource WHERE state = 1").fetchone()
        superseded = connection.execute("SELECT count(*) FROM history").fetchone()
    assert (live, superseded) == ((2,), (0,))


@pytest.mark.parametrize(
    ("code", "type_", "method", "status"),
    [
        pytest.param("nothing", "Patient", "POST", 404, id="unknown"),
        pytest.param("validate", None, "POST", 404, id="another level"),
        pytest.param("validate", "Patient", "DELETE", 405, id="another method"),
    ],
)
def test_operations_exist_where_they_are_offered(
    services: Services, code: str, type_: str | None, method: str, status: int
) -> None:
    with pytest.raises(FhirError) as caught:
        invoke(code, Call(services, AUTH, type_, None, Query(), None), method)
    assert caught.value.status == status
