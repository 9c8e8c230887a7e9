"""Every claim of the CapabilityStatement is shown by a test that passes.

Spec: https://hl7.org/fhir/R4/capabilitystatement.html

The tests are those of the conformance tool, which anyone can run against any server.
"""

import pytest

from fhirserver.definitions import r4
from fhirserver.search.params import (
    composite,
    date,
    number,
    prefix,
    quantity,
    reference,
    special,
    string,
    token,
    uri,
)
from fhirserver_conformance.examples.of_values import MODIFIERS, PREFIXES
from fhirserver_conformance.suites.statement import STATED, claims
from fhirserver_conformance.suites.trials import INTERACTIONS
from tests.claims.conftest import Proof
from tests.client import Client

pytestmark = pytest.mark.timeout(1200)
"""The first test waits for the suites, some forty thousand requests."""

HEAD = ("resourceType", "url", "name", "title", "status", "date", "kind", "fhirVersion")
TOP = ("software", "implementation", "format", "patchFormat", "rest")
REST = (
    *("mode", "documentation", "resource", "interaction", "searchParam", "operation"),
    "compartment",
)
WALKED = (
    *("type", "profile", "documentation", "interaction", "operation"),
    *("searchInclude", "searchParam", "searchRevInclude"),
)
PROMISES = {
    "conditionalCreate": True,
    "conditionalDelete": "single",
    "conditionalRead": "full-support",
    "conditionalUpdate": True,
    "readHistory": True,
    "referencePolicy": ["literal", "logical", "enforced"],
    "updateCreate": True,
    "versioning": "versioned",
}


def test_all_pass(proof: Proof) -> None:
    """No failure, no warning, and nothing is skipped."""
    assert proof.not_passed == ()


def test_every_claim_is_shown(proof: Proof) -> None:
    assert not set(claims(proof.statement)) - proof.shown


def test_nothing_is_shown_that_is_not_claimed(proof: Proof) -> None:
    assert not proof.shown - set(claims(proof.statement))


def test_nothing_is_said_that_is_no_claim(proof: Proof) -> None:
    """An element of the statement that the list of claims does not read is listed here."""
    resource, rest = proof.statement.resource, proof.statement.rest
    assert set(resource) == {*HEAD, *TOP}
    assert set(rest) == set(REST)
    assert resource["fhirVersion"] == "4.0.1"
    assert len(resource["rest"]) == 1
    for offer in proof.statement.offers.values():
        assert set(offer.stated) == {*STATED, *WALKED}


def test_every_type_promises_the_same(proof: Proof) -> None:
    assert tuple(proof.statement.offers) == r4().resource_types
    for offer in proof.statement.offers.values():
        assert {name: offer.stated[name] for name in STATED} == PROMISES
        assert {f" {code}" for code in offer.interactions} >= INTERACTIONS.keys()


def test_what_is_not_claimed_is_refused(proof: Proof, client: Client) -> None:
    """Conditional deletes are of single resources; nothing else is left out."""
    for offer in proof.statement.offers.values():
        assert offer.stated["conditionalDelete"] == "single"
    body = {"resourceType": "Basic", "code": {"text": "several"}, "language": "en"}
    body["identifier"] = [{"system": "urn:several", "value": "1"}]
    assert [client.post("Basic", body).status for _ in range(2)] == [201, 201]
    assert client.delete("Basic?identifier=urn:several|1").status == 412


def test_modifiers_and_prefixes_are_those_of_the_server() -> None:
    """What R4's statement cannot say is claimed by naming a parameter with its type."""
    modules = (composite, date, number, quantity, reference, special, string, token, uri)
    for module in modules:
        kind = module.__name__.rpartition(".")[2]
        assert set(MODIFIERS[kind]) == getattr(module, "MODIFIERS", set()), kind
    assert set(PREFIXES) == set(prefix.PREFIXES)
