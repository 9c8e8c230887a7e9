"""The CapabilityStatement tells the truth.

Spec: https://hl7.org/fhir/R4/http.html#capabilities
"""

import json
from functools import cache
from typing import Any

import pytest

from fhirserver.access import AuthContext, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import SearchParameter, r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.capabilities import capabilities
from fhirserver.interactions.request_url import parse_pairs
from fhirserver.search.context import SearchContext
from fhirserver.search.parse import parse
from fhirserver.store.database import Database, now_us
from fhirserver.validation import validate
from tests.client import Client

VALUES = {
    "date": "2020",
    "number": "1",
    "quantity": "1",
    "reference": "Patient/1",
    "string": "x",
    "token": "x",
    "uri": "http://x",
    "special": "1|2",
}
CONTEXT = SearchContext(r4(), "http://here/fhir", 0)


@cache
def statement(query: str = "") -> Any:
    unused = Database("postgresql://nowhere")
    services = Services(r4(), unused, Settings(), allow_all, now_us, b"k" * 32)
    auth = AuthContext("anonymous", "test", "1")
    result = capabilities(services, auth, Query(parse_pairs(query)))
    assert result.body is not None
    return json.loads(result.body)


OWN_VALUES = {"_filter": "_id eq 1", "_list": "1"}


def some_value(parameter: SearchParameter) -> str:
    known = r4().search_parameters(parameter.base)
    parts = [VALUES[known[part.code].type] for part in parameter.components]
    return OWN_VALUES.get(parameter.code) or "$".join(parts) or VALUES[parameter.type]


def resources() -> dict[str, Any]:
    return {each["type"]: each for each in statement()["rest"][0]["resource"]}


@pytest.mark.parametrize(
    "query", ["", "mode=full", "mode=normative", "mode=terminology", "_summary=true"]
)
def test_every_mode_is_valid_fhir(query: str) -> None:
    faults = [issue for issue in validate(statement(query)) if issue.severity == "error"]
    assert faults == []


def test_every_storable_type_is_there() -> None:
    assert tuple(resources()) == r4().resource_types


def test_normative_lists_normative_types_only() -> None:
    found = {each["type"] for each in statement("mode=normative")["rest"][0]["resource"]}
    assert {"Patient", "Observation", "ValueSet"} <= found
    assert not found & {"Encounter", "Claim"}


@pytest.mark.parametrize("query", ["mode=x", "mode=full&mode=full", "name=x"])
def test_other_parameters_are_refused(query: str) -> None:
    with pytest.raises(FhirError) as caught:
        statement(query)
    assert caught.value.status == 400


def test_a_parameter_is_listed_exactly_if_a_search_takes_it() -> None:
    for name, described in resources().items():
        listed = {each["name"]: each for each in described["searchParam"]}
        for code, parameter in r4().search_parameters(name).items():
            try:
                parse([(code, some_value(parameter))], (name,), CONTEXT)
            except FhirError:
                assert code not in listed, f"{name}.{code} is listed and refused"
            else:
                assert listed[code]["type"] == parameter.type
                assert listed[code]["definition"] == parameter.url


def test_common_parameters_can_search_everything() -> None:
    for each in statement()["rest"][0]["searchParam"]:
        value = OWN_VALUES.get(each["name"]) or VALUES[each["type"]]
        parse([(each["name"], value)], None, CONTEXT)


def test_every_include_can_be_asked_for() -> None:
    for name, described in resources().items():
        for include in described["searchInclude"]:
            parse([("_include", include)], (name,), CONTEXT)
        for include in described.get("searchRevInclude", ()):
            parse([("_revinclude", include)], (name,), CONTEXT)


def test_terminology_names_the_code_systems_that_searches_know() -> None:
    """Each of them, and no other, is taken by `:below`."""
    named = {each["uri"] for each in statement("mode=terminology")["codeSystem"]}
    assert "http://hl7.org/fhir/observation-status" in named
    assert "http://loinc.org" not in named
    for uri in ("http://hl7.org/fhir/observation-status", "http://loinc.org"):
        try:
            parse([("status:below", f"{uri}|final")], ("Observation",), CONTEXT)
        except FhirError:
            assert uri not in named
        else:
            assert uri in named


def test_it_is_served(client: Client) -> None:
    answer = client.get("metadata")
    assert answer.status == 200
    assert answer.json["resourceType"] == "CapabilityStatement"
    assert answer.json["implementation"]["url"] == client.base
    assert client.get("metadata?mode=terminology").json["resourceType"] == "TerminologyCapabilities"
