"""Issues as a whole: all of them, in order, bounded; and no input makes validation fail."""

import copy
import gzip
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhirserver.definitions import Invariant, r4
from fhirserver.model.json import parse_json
from fhirserver.validation import invariants, nodes, validate
from fhirserver.validation.findings import MAX_ISSUES, Findings


def test_all_issues_sorted_by_place() -> None:
    """Every issue is given, invariants beside structure, positions in the order of numbers."""
    names = [{"family": "A"} for _ in range(12)]
    names[2] = {"family": 1}
    names[10] = {"famly": "A"}
    resource = {
        "resourceType": "Patient",
        "gender": "x",
        "name": names,
        "contact": [{"gender": "male"}],
        "birthDate": "2024-02-30",
    }
    assert [(issue.code, *issue.expression) for issue in validate(resource)] == [
        ("value", "Patient.birthDate"),
        ("invariant", "Patient.contact[0]"),
        ("code-invalid", "Patient.gender"),
        ("value", "Patient.name[2].family"),
        ("structure", "Patient.name[10].famly"),
    ]


def test_order_of_members_does_not_matter() -> None:
    """The same issues come back whatever the order of the members."""
    resource = {
        "resourceType": "Observation",
        "foo": 1,
        "valueString": "",
        "contained": [{"resourceType": "Patient", "id": "a"}],
        "subject": {"reference": "#b"},
    }
    expected = validate(resource)
    assert len(expected) == 6
    assert validate(dict(reversed(resource.items()))) == expected


def test_warnings_do_not_refuse() -> None:
    """Advice comes as a warning."""
    value_set = {"resourceType": "ValueSet", "status": "draft", "name": "not a name"}
    assert [(issue.severity, issue.diagnostics[:5]) for issue in validate(value_set)] == [
        ("warning", "vsd-0")
    ]


def test_issues_are_bounded() -> None:
    """A body of nothing but faults does not become an outcome of the same size."""
    issues = validate({"resourceType": "Patient", **{f"x{i}": 1 for i in range(5000)}})
    assert len(issues) == MAX_ISSUES + 1
    assert issues[-1].code == "too-costly"


def test_values_are_quoted_shortened() -> None:
    """A message quotes what was sent, and not a megabyte of it."""
    issues = validate({"resourceType": "Patient", "gender": "x" * 10_000})
    assert len(issues[0].diagnostics) < 500


def test_cost_grows_with_size_only() -> None:
    """Rules that compare all with all look at each part once; squared, this would take minutes."""
    many = range(20_000)
    codings = [{"code": str(number)} for number in many]
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": codings},
        "valueString": "a",
        "component": [{"code": {"text": "a", "coding": [{"code": f"x{n}"}]}} for n in many],
    }
    assert validate(observation) == []
    basic = {
        "resourceType": "Basic",
        "code": {"text": "a"},
        "contained": [{"resourceType": "Patient", "id": str(number)} for number in many],
        "extension": [
            {"url": "http://a", "valueReference": {"reference": f"#{number}"}} for number in many
        ],
    }
    assert validate(basic) == []


def test_deep_nesting() -> None:
    """The deepest bodies that the parser lets through are checked."""
    extension: dict[str, Any] = {"url": "a", "valueCode": "b c  d"}
    for _ in range(48):
        extension = {"url": "a", "extension": [extension]}
    issues = validate({"resourceType": "Patient", "extension": [extension]})
    assert [issue.expression[0].count("extension[0]") for issue in issues] == [49]


class _OneRule:
    """Definitions whose only invariant cannot be evaluated."""

    def invariant(self, key: str) -> Invariant:
        return Invariant(key, "error", "Never.", "('a' | 'b') in ('a' | 'b')")


def test_rule_that_cannot_be_evaluated_is_a_warning() -> None:
    """A rule that fails on its own does not refuse the resource."""
    patient = {"resourceType": "Patient"}
    findings = Findings(patient)
    for rule in invariants.invariant_rules(["x-1"], "Patient", _OneRule(), node=None):
        rule(patient, None, (None, "Patient"), findings)
    assert [(issue.severity, issue.code, issue.diagnostics[:4]) for issue in findings.issues()] == [
        ("warning", "processing", "x-1:")
    ]


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["2024-01-01", "Patient/1", "#a", "Patient", "http://a", "2024-02-30T"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "extension", "url", "valueString", "reference", "coding", "code",
                             "resourceType", "contained", "text", "div", "start", "end", "value"]),
            inner, max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(r4().resource_types), st.data())
def test_any_value_anywhere_is_answered(type: str, data: st.DataObject) -> None:
    """Whatever stands under an element's name, the answer is a list of issues."""
    names = sorted(r4().node(type).elements)
    members = data.draw(st.dictionaries(st.sampled_from(names), _JSON, max_size=5))
    for issue in validate({"resourceType": type, **members}):
        assert issue.diagnostics
        assert issue.expression[0].startswith(type)


@pytest.fixture(scope="module")
def examples(test_data: Path) -> list[dict[str, Any]]:
    with gzip.open(test_data / "r4-examples" / "examples.ndjson.gz") as lines:
        return [parse_json(line) for line in lines if len(line) < 60_000]


def test_damaged_examples_are_answered(examples: list[dict[str, Any]]) -> None:
    """One value of a real resource replaced by another kind is refused or harmless, never a crash.

    A value of a wrong JSON kind must be refused.
    """
    dice = random.Random(4)
    for resource in examples:
        for wrong in (7, "x", {"x": 1}, [[]], None, Decimal("1e5"), [], {}):
            damaged = copy.deepcopy(resource)
            owner, key = dice.choice(list(_places(damaged)))
            was = owner[key]
            owner[key] = wrong
            issues = validate(damaged)
            if isinstance(was, dict | list) and not isinstance(wrong, type(was)):
                assert any(issue.severity == "error" for issue in issues), (key, was, wrong)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    children = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in children:
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def test_guards_agree_with_evaluation(
    examples: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Skipping by guard gives what evaluating every invariant gives, also after damage."""
    dice = random.Random(7)
    damaged = []
    for resource in examples:
        for _ in range(3):
            copied = copy.deepcopy(resource)
            owner, key = dice.choice(list(_places(copied)))
            if isinstance(owner, dict):
                del owner[key]
            damaged.append(copied)
    guarded = [_issues(resource) for resource in damaged]
    monkeypatch.setattr(invariants, "guard_of", lambda *_: None)
    monkeypatch.setattr(invariants, "_LEXICAL", {})
    unguarded = nodes.NodeChecks(r4())
    for resource, expected in zip(damaged, guarded, strict=True):
        findings = Findings(resource)
        unguarded.check_type(resource, (None, resource.get("resourceType", "Resource")), findings)
        assert _comparable(findings.issues()) == expected


def _issues(resource: dict[str, Any]) -> Any:
    return _comparable(validate(resource))


def _comparable(issues: list[Any]) -> list[Any]:
    return sorted((issue.code, issue.expression, issue.diagnostics) for issue in issues)
