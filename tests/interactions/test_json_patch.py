"""RFC 6902: operations on a copy of the resource, all or none."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhirserver.errors import FhirError, InvalidRequestError, TooLargeError, UnprocessableError
from fhirserver.interactions.json_patch import apply_json_patch, json_equal

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"family": "A"}, {"family": "B"}],
    "active": True,
    "a/b": 1,
    "m~n": 2,
}


@pytest.mark.parametrize(
    ("operation", "path", "expected"),
    [
        pytest.param({"op": "add", "path": "/gender", "value": "male"}, "gender", "male", id="4.1"),
        pytest.param(
            {"op": "add", "path": "/name/1", "value": {"family": "X"}},
            "name",
            [{"family": "A"}, {"family": "X"}, {"family": "B"}],
            id="4.1#array-index",
        ),
        pytest.param(
            {"op": "add", "path": "/name/-", "value": {"family": "X"}},
            "name",
            [{"family": "A"}, {"family": "B"}, {"family": "X"}],
            id="4.1#array-end",
        ),
        pytest.param(
            {"op": "remove", "path": "/name/0"}, "name", [{"family": "B"}], id="4.2#array-element"
        ),
        pytest.param(
            {"op": "replace", "path": "/name/0/family", "value": "X"},
            "name",
            [{"family": "X"}, {"family": "B"}],
            id="4.3",
        ),
        pytest.param(
            {"op": "move", "from": "/name/0", "path": "/name/1"},
            "name",
            [{"family": "B"}, {"family": "A"}],
            id="4.4",
        ),
        pytest.param(
            {"op": "copy", "from": "/name/0", "path": "/name/-"},
            "name",
            [{"family": "A"}, {"family": "B"}, {"family": "A"}],
            id="4.5",
        ),
        pytest.param({"op": "test", "path": "/active", "value": True}, "active", True, id="4.6"),
        pytest.param({"op": "replace", "path": "/a~1b", "value": 5}, "a/b", 5, id="6901#4-slash"),
        pytest.param({"op": "replace", "path": "/m~0n", "value": 5}, "m~n", 5, id="6901#4-tilde"),
    ],
)
def test_an_operation_changes_what_it_names(
    operation: dict[str, Any], path: str, expected: object
) -> None:
    before = json.dumps(PATIENT)
    assert apply_json_patch(PATIENT, [operation])[path] == expected
    assert json.dumps(PATIENT) == before


@pytest.mark.parametrize(
    ("document", "error"),
    [
        pytest.param({}, InvalidRequestError, id="not a list"),
        pytest.param(["x"], InvalidRequestError, id="an operation that is no object"),
        pytest.param([{"op": "delete", "path": "/a"}], InvalidRequestError, id="unknown op"),
        pytest.param([{"op": "remove"}], InvalidRequestError, id="no path"),
        pytest.param([{"op": "remove", "path": "active"}], InvalidRequestError, id="no slash"),
        pytest.param([{"op": "add", "path": "/a"}], InvalidRequestError, id="no value"),
        pytest.param([{"op": "move", "path": "/a"}], InvalidRequestError, id="no from"),
        pytest.param([{"op": "remove", "path": "/gender"}], UnprocessableError, id="absent"),
        pytest.param(
            [{"op": "replace", "path": "/name/2", "value": {}}], UnprocessableError, id="past end"
        ),
        pytest.param(
            [{"op": "add", "path": "/name/01", "value": {}}], UnprocessableError, id="leading zero"
        ),
        pytest.param(
            [{"op": "add", "path": "/name/٣", "value": {}}], UnprocessableError, id="other digits"
        ),
        pytest.param(
            [{"op": "add", "path": "/contact/0/name", "value": {}}],
            UnprocessableError,
            id="missing parents are not made",
        ),
        pytest.param(
            [{"op": "test", "path": "/active", "value": False}], UnprocessableError, id="test fails"
        ),
        pytest.param(
            [{"op": "move", "from": "/name", "path": "/name/0"}], UnprocessableError, id="into self"
        ),
        pytest.param([{"op": "remove", "path": ""}], UnprocessableError, id="whole resource"),
    ],
)
def test_what_does_not_fit_is_refused(document: object, error: type[FhirError]) -> None:
    with pytest.raises(error):
        apply_json_patch(PATIENT, document)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([{"op": "copy", "from": "", "path": "/a"}] * 200, id="copies of the whole"),
        pytest.param(
            [{"op": "copy", "from": "/name", "path": "/name/-"}] * 60, id="a list in itself"
        ),
        pytest.param([{"op": "test", "path": "/id", "value": "p"}] * 10_001, id="operations"),
    ],
)
def test_growth_beyond_measure_is_refused(document: list[Any]) -> None:
    with pytest.raises(TooLargeError):
        apply_json_patch(PATIENT, document)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        pytest.param(1, Decimal("1.0"), True, id="numbers by value"),
        pytest.param(True, 1, False, id="true is no number"),
        pytest.param("1", 1, False, id="a text is no number"),
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, True, id="keys in any order"),
        pytest.param([1, 2], [2, 1], False, id="lists in order"),
        pytest.param(None, False, False, id="null is no boolean"),
    ],
)
def test_values_are_equal_as_json(left: object, right: object, equal: bool) -> None:
    assert json_equal(left, right) is equal


def test_hl7_cases(test_data: Path) -> None:
    cases = json.loads((test_data / "patch" / "json-patch-tests.json").read_text("utf-8"))
    assert cases
    for case in cases:
        if "error" in case:
            with pytest.raises(FhirError):
                apply_json_patch(case["doc"], case["patch"])
        else:
            assert apply_json_patch(case["doc"], case["patch"]) == case["expected"], case["comment"]
