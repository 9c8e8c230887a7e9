"""FHIRPath Patch: the cases of HL7, and what they leave out.

Spec: https://hl7.org/fhir/R4/fhirpatch.html
"""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from fhirserver.definitions import r4
from fhirserver.errors import FhirError, InvalidRequestError, TooLargeError, UnprocessableError
from fhirserver.interactions.fhirpath_patch import apply_fhirpath_patch
from fhirserver.model.xml import parse_xml
from tests.client import Client

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [
        {"family": "A", "given": ["x", "y"], "_given": [None, {"id": "g"}]},
        {"family": "B", "use": "official"},
    ],
    "contact": [{"name": {"text": "c"}}],
    "deceasedBoolean": False,
}


def operation(kind: str, path: str, **parts: Any) -> dict[str, Any]:
    found = [
        {"name": "type", "valueCode": kind},
        {"name": "path", "valueString": path},
        *({"name": name, **value} for name, value in parts.items()),
    ]
    return {"name": "operation", "part": found}


def patched(*operations: Any) -> dict[str, Any]:
    document = {"resourceType": "Parameters", "parameter": list(operations)}
    return apply_fhirpath_patch(r4(), PATIENT, document)


def test_hl7_cases(test_data: Path) -> None:
    tree = etree.parse(test_data / "patch" / "fhir-patch-tests.xml")
    cases = tree.getroot().findall("{*}case")
    assert len(cases) > 10
    for case in cases:
        given, patch, expected = (
            parse_xml(etree.tostring(case.find(f"{{*}}{name}")[0]), r4())
            for name in ("input", "diff", "output")
        )
        assert apply_fhirpath_patch(r4(), given, patch) == expected, case.get("name")


@pytest.mark.parametrize(
    ("asked", "key", "expected"),
    [
        pytest.param(
            operation("replace", "Patient.active", value={"valueBoolean": False}),
            "active", False, id="replace primitive",
        ),
        pytest.param(
            operation("replace", "Patient.deceased", value={"valueDateTime": "2020"}),
            "deceasedDateTime", "2020", id="replace choice by another type",
        ),
        pytest.param(
            operation(
                "add", "Patient", name={"valueString": "multipleBirth"}, value={"valueInteger": 2}
            ),
            "multipleBirthInteger", 2, id="add choice",
        ),
        pytest.param(
            operation(
                "add", "Patient.active", name={"valueString": "extension"},
                value={"valueExtension": {"url": "http://n", "valueCode": "1"}},
            ),
            "_active", {"extension": [{"url": "http://n", "valueCode": "1"}]},
            id="add to a primitive",
        ),
        pytest.param(
            operation(
                "insert", "Patient.name[0].given[0].extension", index={"valueInteger": 0},
                value={"valueExtension": {"url": "http://n", "valueCode": "1"}},
            ),
            "name",
            [
                {**PATIENT["name"][0], "_given": [
                    {"extension": [{"url": "http://n", "valueCode": "1"}]}, {"id": "g"},
                ]},
                PATIENT["name"][1],
            ],
            id="insert below a primitive of a list",
        ),
        pytest.param(
            operation("delete", "Patient.name.where(use = 'official')"),
            "name", [PATIENT["name"][0]], id="delete by where",
        ),
        pytest.param(
            operation("delete", "Patient.name[0].given[0]"),
            "name",
            [{"family": "A", "given": ["y"], "_given": [{"id": "g"}]}, PATIENT["name"][1]],
            id="delete keeps ids beside their values",
        ),
        pytest.param(
            operation(
                "insert", "Patient.name[0].given", index={"valueInteger": 1},
                value={"valueString": "z"},
            ),
            "name",
            [
                {"family": "A", "given": ["x", "z", "y"], "_given": [None, None, {"id": "g"}]},
                PATIENT["name"][1],
            ],
            id="insert keeps ids beside their values",
        ),
        pytest.param(
            operation(
                "move", "Patient.name[0].given", source={"valueInteger": 0},
                destination={"valueInteger": 1},
            ),
            "name",
            [
                {"family": "A", "given": ["y", "x"], "_given": [{"id": "g"}, None]},
                PATIENT["name"][1],
            ],
            id="move keeps ids beside their values",
        ),
        pytest.param(
            operation("delete", "Patient.contact.name.text"), "contact", None, id="delete prunes"
        ),
        pytest.param(operation("delete", "Patient.gender"), "gender", None, id="nothing to delete"),
        pytest.param(
            operation(
                "add", "Patient.contact[0]", name={"valueString": "extension"},
                value={"part": [
                    {"name": "url", "valueUri": "http://x"}, {"name": "value", "valueCode": "c"},
                ]},
            ),
            "contact",
            [{"name": {"text": "c"}, "extension": [{"url": "http://x", "valueCode": "c"}]}],
            id="add by parts",
        ),
    ],
)  # fmt: skip
def test_an_operation_changes_what_it_names(asked: Any, key: str, expected: object) -> None:
    found = patched(asked)
    assert found.get(key) == expected
    assert "deceasedBoolean" not in found or "deceasedDateTime" not in found


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        pytest.param("x", InvalidRequestError, id="no object"),
        pytest.param({"name": "other"}, InvalidRequestError, id="another name"),
        pytest.param(operation("x", "Patient"), InvalidRequestError, id="unknown type"),
        pytest.param(operation("replace", "Patient.active"), InvalidRequestError, id="no value"),
        pytest.param(operation("delete", "Patient.("), InvalidRequestError, id="no FHIRPath"),
        pytest.param(
            operation("insert", "Patient.name", index={"valueInteger": -1}, value={}),
            InvalidRequestError, id="negative index",
        ),
        pytest.param(operation("delete", "Patient.name"), UnprocessableError, id="several"),
        pytest.param(operation("delete", "Patient"), UnprocessableError, id="the whole"),
        pytest.param(
            operation("replace", "Patient.gender", value={"valueCode": "male"}),
            UnprocessableError, id="nothing to replace",
        ),
        pytest.param(
            operation("add", "Patient", name={"valueString": "x"}, value={"valueCode": "x"}),
            UnprocessableError, id="unknown element",
        ),
        pytest.param(
            operation("add", "Patient", name={"valueString": "active"}, value={"valueBoolean": 1}),
            UnprocessableError, id="there already",
        ),
        pytest.param(
            operation(
                "add", "Patient", name={"valueString": "deceased"}, value={"valueDateTime": "2020"}
            ),
            UnprocessableError, id="choice there already",
        ),
        pytest.param(
            operation(
                "insert", "Patient.name", index={"valueInteger": 3}, value={"valueString": ""}
            ),
            UnprocessableError, id="beyond the end",
        ),
        pytest.param(
            operation(
                "move", "Patient.name", source={"valueInteger": 0}, destination={"valueInteger": 2}
            ),
            UnprocessableError, id="move beyond the end",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(asked: Any, error: type[FhirError]) -> None:
    with pytest.raises(error):
        patched(asked)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("path", "limit"),
    [
        pytest.param(f"Patient.name.where('{'a' * 60}!'.matches('^(a|aa)+$'))", "0.5 s", id="re"),
        pytest.param("'a'" + ".select($this + $this)" * 60, "1048576 characters", id="text"),
        pytest.param("iif(" * 3 + "1" + " + 1" * 6000, "20000 characters", id="source"),
        pytest.param(
            "%resource.descendants().select(" * 9 + "1" + ")" * 9, "500000 steps", id="steps"
        ),
    ],
)
def test_a_path_that_costs_too_much_is_refused_over_http(
    client: Client, path: str, limit: str
) -> None:
    client.put("Patient/p", PATIENT)
    change = operation("delete", path)
    answer = client.request(
        "PATCH", "Patient/p", {"resourceType": "Parameters", "parameter": [change]}
    )
    assert (answer.status, answer.json["resourceType"]) == (400, "OperationOutcome")
    assert limit in answer.json["issue"][0]["diagnostics"]


def test_the_paths_of_a_patch_cost_what_one_may() -> None:
    long = {**PATIENT, "name": [{"given": [f"g{number}" for number in range(20_000)]}]}
    costly = operation("delete", "Patient.name.given.where($this = 'x')")
    document = {"resourceType": "Parameters", "parameter": [costly] * 20}
    with pytest.raises(InvalidRequestError, match="500000 steps"):
        apply_fhirpath_patch(r4(), long, document)


def test_nesting_beyond_measure_is_refused() -> None:
    extension = {"url": "http://x", "extension": [{"url": "http://x"}]}
    deep = operation(
        "add",
        "Patient.descendants().where(url = 'http://x' and extension.empty())",
        name={"valueString": "extension"},
        value={"valueExtension": extension},
    )
    first = operation(
        "add", "Patient", name={"valueString": "extension"}, value={"valueExtension": extension}
    )
    with pytest.raises(TooLargeError):
        patched(first, *[deep] * 60)


@pytest.mark.usefixtures("clean")
def test_over_http_and_inside_a_transaction(client: Client) -> None:
    client.put("Patient/p", PATIENT)
    change = operation("replace", "Patient.active", value={"valueBoolean": False})
    document = {"resourceType": "Parameters", "parameter": [change]}
    answer = client.request("PATCH", "Patient/p", document)
    assert answer.status == 200, answer.text
    assert answer.json["active"] is False
    back = operation("replace", "Patient.active", value={"valueBoolean": True})
    request = {"method": "PATCH", "url": "Patient/p"}
    entry = {"resource": {"resourceType": "Parameters", "parameter": [back]}, "request": request}
    client.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    stored = client.get("Patient/p").json
    assert (stored["active"], stored["meta"]["versionId"]) == (True, "3")
