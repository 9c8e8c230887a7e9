"""Labels of stored resources change by whoever may label, whatever way a change comes in.

Spec: https://hl7.org/fhir/R4/resource.html#Meta
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.client import Answer
from tests.secured import Caller, Secured

OWNER, PLACE = "label-a", "Observation/label-o"
IDENTIFIER = "http://label.test|1"
CODES = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED = {"system": CODES, "code": "R"}
META = {"security": [RESTRICTED, {"system": CODES, "code": "ETH"}], "tag": [{"code": "audited"}]}
WITHOUT = {"tag": META["tag"]}
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
LABELS, TAGS = "meta.security", "meta.tag"
Open = Callable[..., Caller]


def observation(meta: Any = None, id_: str | None = "label-o") -> dict[str, Any]:
    made = {
        "resourceType": "Observation", "status": "amended", "code": {"text": "x"},
        "subject": {"reference": f"Patient/{OWNER}"},
        "identifier": [{"system": "http://label.test", "value": "1"}],
    }  # fmt: skip
    return {**made, **({"id": id_} if id_ else {}), **({"meta": meta} if meta else {})}


def entry(method: str, resource: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": PLACE}, "resource": resource}


def fhirpath_patch(kind: str, path: str, *parts: Any) -> dict[str, Any]:
    given = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}, *parts]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": given}]}


@pytest.fixture(scope="module")
def call(secured: Secured) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(scopes: str, **whose: Any) -> Caller:
            token = secured.issue(scopes, **whose).secret
            return opened.enter_context(secured.caller(token))

        yield open_


@pytest.fixture(scope="module")
def steward(call: Open) -> Caller:
    caller = call("system/*.cruds")
    person = {"resourceType": "Patient", "id": OWNER}
    assert caller.request("PUT", f"Patient/{OWNER}", person).status in (200, 201)
    return caller


@pytest.fixture(scope="module")
def writers(call: Open, steward: Caller) -> dict[str, Caller]:
    of = {"user": "Practitioner/label", "patients": (OWNER,)}
    return {
        "app": call("patient/*.cruds", patient=OWNER, role="nurse", **of),
        "physician": call("user/*.cruds", role="physician", **of),
        "program": call("system/Observation.cruds"),
    }


@pytest.fixture
def labelled(steward: Caller) -> None:
    assert steward.request("PUT", PLACE, observation(META)).status in (200, 201)


Row = tuple[str, str, Any, dict[str, str]]


def row(method: str, path: str, body: Any, refused: str = "", *, id: str, **headers: str) -> Any:
    return pytest.param((method, path, body, headers), refused, id=f"SEC-E15/{id}")


def json_patch(*operations: Any) -> dict[str, Any]:
    return {"body": list(operations), "content_type": JSON_PATCH}


REMOVED = [{"op": "remove", "path": "/meta/security/0"}]
CHANGES = [
    row("PUT", PLACE, observation(WITHOUT), LABELS, id="security-left-out"),
    row("PUT", PLACE, observation(), LABELS, id="meta-left-out"),
    row("PUT", PLACE, observation({"security": META["security"]}), TAGS, id="tag-left-out"),
    row("PUT", PLACE, observation({**META, "security": [RESTRICTED]}), LABELS, id="one-left-out"),
    row("PUT", PLACE, observation({**META, "tag": [*META["tag"], {"code": "x"}]}), TAGS,
        id="tag-added"),
    row("PUT", PLACE, observation({**META, "security": [RESTRICTED, {"code": "ETH"}]}), LABELS,
        id="another-system"),
    row("PUT", f"Observation?identifier={IDENTIFIER}", observation(WITHOUT, None), LABELS,
        id="conditional-update"),
    row("PATCH", PLACE, REMOVED, LABELS, id="json-patch", content_type=JSON_PATCH),
    row("PATCH", PLACE, {"meta": {"security": None}}, LABELS, id="merge-patch",
        content_type=MERGE_PATCH),
    row("PATCH", PLACE, fhirpath_patch("delete", "Observation.meta.security[0]"), LABELS,
        id="fhirpath-patch"),
    row("PATCH", f"Observation?identifier={IDENTIFIER}", REMOVED, LABELS, id="conditional-patch",
        content_type=JSON_PATCH),
    *(
        row("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [each]}, LABELS,
            id=f"{kind}-{each['request']['method']}")
        for kind in ("batch", "transaction")
        for each in (entry("PUT", observation(WITHOUT)),
                     entry("PATCH", fhirpath_patch("delete", "Observation.meta.security[0]")))
    ),
    row("POST", f"{PLACE}/$validate?mode=update", observation(WITHOUT), LABELS, id="rehearsed"),
    row("PUT", PLACE, observation(META), id="as-they-are"),
    row("PUT", PLACE, observation({**META, "security": [
        {**each, "display": "d", "version": "2"} for each in reversed(META["security"])]}),
        id="order-display-version"),
    row("PATCH", PLACE, [{"op": "replace", "path": "/status", "value": "final"}],
        id="the-rest-by-a-patch", content_type=JSON_PATCH),
    row("POST", "Observation", observation(META, None), id="whoever-creates-labels"),
]  # fmt: skip


def refusals(answer: Answer) -> list[Any]:
    """Give the issues that refuse, of an answer or of the entry of a batch."""
    found = answer.json
    if found["resourceType"] == "Bundle":
        found = found["entry"][0]["response"].get("outcome", {"issue": []})
    issues = found.get("issue", ())
    return [each for each in issues if each["severity"] == "error"]


@pytest.mark.parametrize("who", ["app", "physician", "program"])
@pytest.mark.parametrize(("asked", "refused"), CHANGES)
def test_labels_stay(
    writers: dict[str, Caller], steward: Caller, labelled: None, who: str, asked: Row, refused: str
) -> None:
    method, path, body, headers = asked
    answer = writers[who].request(method, path, body, prefer="return=OperationOutcome", **headers)
    issues = refusals(answer)
    if refused:
        assert [each["code"] for each in issues] == ["forbidden"], answer.text
        assert refused in issues[0]["diagnostics"]
        assert any(each.endswith(refused) for each in issues[0]["expression"]), issues
    else:
        assert answer.status in (200, 201), answer.text
    meta = steward.get(PLACE).json["meta"]
    kept = {(each["system"], each["code"]) for each in meta["security"]}
    assert kept == {(CODES, "R"), (CODES, "ETH")}
    assert [each["code"] for each in meta["tag"]] == ["audited"]


@pytest.mark.parametrize(
    ("scopes", "whose", "place"),
    [
        pytest.param("system/*.cruds", {}, PLACE, id="client-that-may-update-everything"),
        pytest.param("user/*.cruds", {"role": "administrator", "user": "Practitioner/label-admin"},
                     "Organization/label-org", id="administrator"),
    ],
)  # fmt: skip
def test_who_labels(
    call: Open, steward: Caller, labelled: None, scopes: str, whose: Any, place: str
) -> None:
    """SEC-E15."""
    organization = {"resourceType": "Organization", "id": "label-org", "name": "x", "meta": META}
    assert steward.request("PUT", "Organization/label-org", organization).status in (200, 201)
    resource = steward.get(place).json
    del resource["meta"]
    answer = call(scopes, **whose).request("PUT", place, resource)
    assert answer.status == 200, answer.text
    assert "security" not in answer.json["meta"]


NOWHERE = "Observation?identifier=http://label.test|none"


def bundle(kind: str, url: str, resource: Any) -> dict[str, Any]:
    put = {"request": {"method": "PUT", "url": url}, "resource": resource}
    return {"resourceType": "Bundle", "type": kind, "entry": [put]}


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        row("PUT", PLACE, observation(WITHOUT), LABELS, id="deleted-security-left-out"),
        row("PUT", PLACE, observation({"security": META["security"]}), TAGS,
            id="deleted-tag-left-out"),
        row("PUT", PLACE, observation(), LABELS, id="deleted-create-only", if_none_match="*"),
        row("PUT", NOWHERE, observation(WITHOUT), LABELS, id="deleted-conditional-update"),
        *(
            row("POST", "", bundle(kind, url, observation(WITHOUT)), LABELS,
                id=f"deleted-{kind}-{name}")
            for kind in ("batch", "transaction")
            for name, url in (("update", PLACE), ("conditional-update", NOWHERE))
        ),
        row("POST", f"{PLACE}/$validate?mode=update", observation(WITHOUT), LABELS,
            id="deleted-rehearsed"),
        row("PUT", PLACE, observation(META), id="deleted-as-they-were"),
        row("PUT", NOWHERE, observation(META), id="deleted-as-they-were-by-a-condition"),
        row("PUT", PLACE, observation({**META, "tag": [*META["tag"], {"code": "x"}]}),
            id="deleted-and-one-more"),
    ],
)  # fmt: skip
def test_a_delete_takes_no_labels_away(
    writers: dict[str, Caller], steward: Caller, labelled: None, asked: Row, refused: str
) -> None:
    """Whoever may delete and create, and not label, makes it again with the labels it had."""
    method, path, body, headers = asked
    program = writers["program"]
    assert program.request("DELETE", PLACE).status == 204
    answer = program.request(method, path, body, prefer="return=OperationOutcome", **headers)
    if refused:
        (issue,) = refusals(answer)
        assert issue["code"] == "forbidden", answer.text
        assert refused in issue["diagnostics"]
        assert any(each.endswith(refused) for each in issue["expression"]), issue
        assert CODES not in answer.text
        assert steward.get(PLACE).status == 410
    else:
        assert answer.status == 201, answer.text
        assert len(steward.get(PLACE).json["meta"]["security"]) == 2


def test_labels_that_were_taken_away_are_not_kept(
    writers: dict[str, Caller], steward: Caller, labelled: None
) -> None:
    """SEC-E15: what is made again brings back the labels of its last content, no earlier ones."""
    for each in (steward, writers["program"]):
        assert each.request("DELETE", PLACE).status == 204
        assert each.request("PUT", PLACE, observation()).status == 201


@pytest.mark.parametrize("path", [PLACE, NOWHERE])
def test_what_exists_is_not_made_again(
    writers: dict[str, Caller], labelled: None, path: str
) -> None:
    """Whatever the labels, it fails for what it asks to be absent."""
    asked = observation(WITHOUT)
    assert writers["program"].request("PUT", path, asked, if_none_match="*").status == 412


def test_nobody_learns_labels_by_that(writers: dict[str, Caller], labelled: None) -> None:
    """SEC-E15, SEC-E2: what is stored is not told to whoever guesses it."""
    answer = writers["app"].request("PUT", PLACE, observation(WITHOUT))
    assert answer.status == 403
    assert "R" not in json.dumps(answer.json).replace("Observation", "").split()
    assert CODES not in answer.text
