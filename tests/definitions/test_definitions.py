"""The compiled definitions of R4: complete, reproducible, and what the server relies on."""

import gzip
import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fhirserver_profiles import read_compiled_r4
from fhirserver_profiles.compile_r4 import compile_definitions, pack
from fhirserver_profiles.package import Package, read_package
from fhirserver_profiles.search_paths import Path as ElementPath
from fhirserver_profiles.search_paths import parse_path, prune, split_alternatives

from fhirserver.definitions import MAIN_DATE, r4

ABSTRACT = ("BackboneElement", "DomainResource", "Element", "Resource")


@pytest.fixture(scope="module")
def packages() -> tuple[Package, Package]:
    root = os.environ.get("FHIRSERVER_TEST_DATA")
    if not root:
        pytest.skip("FHIRSERVER_TEST_DATA is not set")
    folder = Path(root) / "packages"
    return (
        read_package(folder / "hl7.fhir.r4.core.tgz"),
        read_package(folder / "hl7.fhir.r4.expansions-4.0.1.tgz"),
    )


def test_recompiling_gives_the_committed_bytes(packages: tuple[Package, Package]) -> None:
    committed = gzip.decompress(read_compiled_r4())
    assert gzip.decompress(pack(compile_definitions(*packages))) == committed


def test_every_search_parameter_with_a_base_is_there(packages: tuple[Package, Package]) -> None:
    published = [
        (base, parameter["code"])
        for parameter in packages[0].of_type("SearchParameter")
        for base in parameter.get("base", ())
    ]
    assert len(published) == 1721
    pairs = set(published)
    assert len(pairs) == 1719  # two examples repeat Resource._id and Condition.subject
    for base, code in pairs:
        if base in r4().resource_types:
            assert code in r4().search_parameters(base)
        elif base == "Resource":
            assert code in r4().search_parameters("Bundle")
        else:
            assert code in r4().search_parameters("Patient")


def test_counts() -> None:
    definitions = r4()
    kinds = Counter(definitions.type_def(name).kind for name in definitions.type_names)
    assert kinds == {"resource": 148, "complex": 41, "primitive": 20}
    assert len(definitions.resource_types) == 145
    assert len(definitions.value_set_urls) == 223
    # 239 rules of the base types, and SimpleQuantity's own.
    assert len(definitions.invariants) == 240


def test_every_node_can_be_built() -> None:
    elements = 0
    for name in r4().type_names:
        seen, paths = set[str](), [name]
        while paths:
            path = paths.pop()
            if path in seen:
                continue
            seen.add(path)
            node = r4().node(path)
            elements += len({element.base_name for element in node.elements.values()})
            for key in node.invariants:
                assert r4().invariant(key).expression
            paths += [
                element.node_path
                for element in node.elements.values()
                if element.node_path and element.node_path.startswith(f"{name}.")
            ]
    assert elements == 7466


def test_type_numbers_are_stable() -> None:
    numbers = [r4().type_id(name) for name in r4().resource_types]
    assert numbers == list(range(1, 146))
    assert (r4().type_id("Account"), r4().type_id("Observation")) == (1, 96)
    assert r4().type_name(r4().type_id("Patient")) == "Patient"
    assert not any(r4().is_resource_type(name) for name in (*ABSTRACT, "HumanName", "Nothing"))
    assert r4().is_resource_type("Parameters")


def test_search_parameter_numbers_are_unique_and_fit() -> None:
    found = [
        parameter
        for name in r4().resource_types
        for parameter in r4().search_parameters(name).values()
    ]
    numbers = [parameter.id for parameter in found]
    assert numbers == list(range(1, len(found) + 1))
    assert max(numbers) < 8000
    assert all(r4().search_parameter_by_id(item.id) is item for item in found)


def test_numbers_are_those_that_databases_hold() -> None:
    """Changing this digest orphans every index row ever written: keep the old numbers instead."""
    numbers = [
        f"{parameter.base} {parameter.code} {parameter.id} {r4().type_id(parameter.base)}"
        for name in r4().resource_types
        for parameter in r4().search_parameters(name).values()
    ]
    digest = hashlib.sha256("\n".join(numbers).encode()).hexdigest()
    assert digest == "fd605aa877b56c20aecd6bd5dc84661a7719cc4854043914c8ede7edbeb871fd"


@pytest.mark.parametrize(
    ("type_name", "code", "expected"),
    [
        pytest.param("Observation", "patient", ("subject", "Patient"), id="where-resolve"),
        pytest.param("Appointment", "location", ("actor", "Location"), id="participant"),
        pytest.param("Observation", "subject", (None, None), id="the-one-that-has-rows"),
        pytest.param("Coverage", "patient", ("beneficiary", None), id="same-elements"),
        pytest.param("Claim", "patient", (None, None), id="own-element"),
        pytest.param("Patient", "email", (None, None), id="another-filter"),
    ],
)
def test_aliases(type_name: str, code: str, expected: tuple[str | None, str | None]) -> None:
    parameters = r4().search_parameters(type_name)
    parameter = parameters[code]
    assert (parameter.alias_of, parameter.alias_target) == expected
    rows = parameters[parameter.alias_of or code]
    assert parameter.rows_id == rows.id == rows.rows_id


@pytest.mark.parametrize(
    ("type_name", "code", "facts"),
    [
        pytest.param(
            "Patient",
            "gender",
            {"implicit_system": "http://hl7.org/fhir/administrative-gender", "is_single": True},
            id="code-with-required-binding",
        ),
        pytest.param("Patient", "name", {"is_single": False}, id="repeats"),
        pytest.param("Patient", "birthdate", {"is_single": True}, id="single"),
        pytest.param("Observation", "code", {"is_single": False}, id="several-codings"),
        pytest.param("Observation", "date", {"is_single": False}, id="choice-with-timing"),
        pytest.param("Observation", "subject", {"is_single": True}, id="single-reference"),
        pytest.param("Patient", "age", {"supported": False, "expression": ""}, id="no-expression"),
        pytest.param(
            "Observation", "combo-code-value-quantity", {"united": (2072, 2082)}, id="united"
        ),
        pytest.param(
            "DocumentReference",
            "relationship",
            {"components": (("relatesto", "target"), ("relation", "code")), "row_ids": (938,)},
            id="composite-whose-paths-are-published-the-wrong-way-round",
        ),
        pytest.param("Patient", "_content", {"supported": False}, id="full-text"),
        pytest.param(
            "AllergyIntolerance",
            "code",
            {"expression": "AllergyIntolerance.code | AllergyIntolerance.reaction.substance"},
            id="pruned",
        ),
        pytest.param("Basic", "_tag", {"expression": "Basic.meta.tag"}, id="inherited"),
        pytest.param(
            "InsurancePlan",
            "name",
            {"expression": "InsurancePlan.name | InsurancePlan.alias"},
            id="root-implied",
        ),
    ],
)
def test_facts(type_name: str, code: str, facts: dict[str, Any]) -> None:
    parameter = r4().search_parameters(type_name)[code]
    assert {key: getattr(parameter, key) for key in facts} == facts


def test_main_dates_exist() -> None:
    for type_name, code in MAIN_DATE.items():
        assert r4().search_parameters(type_name)[code].type == "date"
    with_dates = {
        name
        for name in r4().resource_types
        for parameter in r4().search_parameters(name).values()
        if parameter.type == "date" and not parameter.code.startswith("_")
    }
    assert set(MAIN_DATE) == with_dates


@pytest.mark.parametrize(
    ("path", "name", "facts"),
    [
        pytest.param("Patient", "id", {"type": "id", "is_primitive": True}, id="erratum/id"),
        pytest.param("Patient", "contact", {"node_path": "Patient.contact"}, id="backbone"),
        pytest.param("Bundle.entry", "link", {"node_path": "Bundle.link"}, id="content-reference"),
        pytest.param("Bundle.entry", "resource", {"is_resource": True}, id="resource"),
        pytest.param("Patient", "deceasedDateTime", {"base_name": "deceased"}, id="choice"),
        pytest.param("Range", "low", {"invariants": ("sqty-1",)}, id="simple-quantity"),
        pytest.param("Timing.repeat", "boundsRange", {"node_path": "Range"}, id="type-element"),
        pytest.param("Extension", "url", {"is_xml_attribute": True, "min": 1}, id="attribute"),
        pytest.param(
            "Patient", "generalPractitioner",
            {"target_types": ("Organization", "Practitioner", "PractitionerRole")}, id="targets",
        ),
    ],
)  # fmt: skip
def test_elements(path: str, name: str, facts: dict[str, Any]) -> None:
    element = r4().node(path).elements[name]
    assert {key: getattr(element, key) for key in facts} == facts


@pytest.mark.parametrize(
    ("key", "expression"),
    [
        pytest.param("que-7", "(answer is boolean)", id="questionnaire.html#que-7"),
        pytest.param("que-12", "count() > 1 implies", id="questionnaire.html#que-12"),
        pytest.param("tim-9", "when.where($this in", id="datatypes.html#tim-9"),
    ],
)
def test_errata_are_applied(key: str, expression: str) -> None:
    assert expression in r4().invariant(key).expression


def test_value_sets() -> None:
    gender = r4().value_set("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1")
    assert gender == {
        "http://hl7.org/fhir/administrative-gender": frozenset(
            ("female", "male", "other", "unknown")
        )
    }
    assert r4().value_set("http://hl7.org/fhir/ValueSet/mimetypes") is None


def test_compartments_and_operations() -> None:
    assert r4().compartment("Patient")["Observation"] == ("subject", "performer")
    assert r4().operations["Patient-everything"].instance


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Patient.name", (("child", "name"),), id="member"),
        pytest.param("(A.b as Quantity)", (("child", "b"), ("type", "Quantity")), id="as"),
        pytest.param("A.b.ofType(date)", (("child", "b"), ("type", "date")), id="ofType"),
        pytest.param("A.b[0].c", (("child", "b"), ("index", "0"), ("child", "c")), id="index"),
        pytest.param("A.b.exists()", None, id="opaque"),
        pytest.param("A.b != false", None, id="operator"),
    ],
)
def test_paths(text: str, expected: tuple[tuple[str, str], ...] | None) -> None:
    path = parse_path(text)
    assert (path.steps if isinstance(path, ElementPath) else None) == expected


def test_alternatives_keep_strings_and_parentheses() -> None:
    text = "A.b.where(c='x|y') | (A.d | A.e) | B.f"
    assert split_alternatives(text) == ["A.b.where(c='x|y')", "(A.d | A.e)", "B.f"]
    assert prune("Resource.meta | Other.x", "A", {"A", "Resource"}) == "A.meta"
