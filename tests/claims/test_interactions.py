"""Every type does what the CapabilityStatement says of it, besides searching.

Spec: https://hl7.org/fhir/R4/http.html
"""

import json
import re

import pytest

from fhirserver.definitions import r4
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal
from tests.claims.conftest import World
from tests.claims.interactions import ELSEWHERE, INTERACTIONS, NOBODY, STATED, prepare
from tests.client import Client

_LITERAL = re.compile(rf'("reference": "\w+)/(?:{FIRST}|{SECOND})"')


def test_every_claim_has_a_trial(world: World) -> None:
    """A claim that nothing tries is listed here."""
    missing = set()
    for name, claimed in world.types.items():
        codes = {each["code"] for each in claimed["interaction"]}
        missing |= {f"{name}: {code}" for code in codes - INTERACTIONS.keys()}
        missing |= {f"{name}: {key}" for key in claimed.keys() - STATED.keys() - ELSEWHERE}
    assert not missing


@pytest.mark.parametrize("name", r4().resource_types)
def test_a_type_does_what_is_claimed(name: str, world: World, client: Client) -> None:
    claimed = world.types[name]
    subject = prepare(client, name)
    codes = [each["code"] for each in claimed["interaction"]]
    failures = [line for code in codes for line in INTERACTIONS[code](subject)]
    for key, (value, trial) in STATED.items():
        assert claimed[key] == value
        failures += trial(subject)
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", r4().resource_types)
def test_what_is_not_claimed_is_refused(name: str, world: World, client: Client) -> None:
    claimed = {each["code"] for each in world.types[name]["interaction"]}
    assert claimed >= INTERACTIONS.keys() - {"patch"}
    if "patch" not in claimed:
        answer = client.patch(f"{name}/{FIRST}", [], content_type="application/json-patch+json")
        assert answer.status == 405


@pytest.mark.parametrize("name", r4().resource_types)
def test_operations_of_a_type(name: str, world: World, client: Client) -> None:
    """$validate: the minimal resource is valid, one with an element too many is not."""
    claimed = {each["name"] for each in world.types[name]["operation"]}
    assert claimed == {"validate"}
    good = client.get(f"{name}/{BARE}").json
    assert client.post(f"{name}/$validate", good).status == 200
    severities = _severities(client, name, good)
    assert not severities & {"error", "fatal"}
    assert "error" in _severities(client, name, good | {"noSuchElement": 1})


def _severities(client: Client, name: str, resource: object) -> set[str]:
    answer = client.post(f"{name}/$validate", resource)
    return {issue["severity"] for issue in answer.json.get("issue", ())}


@pytest.mark.parametrize("name", r4().resource_types)
def test_reference_policy(name: str, world: World, client: Client) -> None:
    """`literal` and `enforced`: who points at nobody is refused. `logical` is :identifier's."""
    assert world.types[name]["referencePolicy"] == ["literal", "logical", "enforced"]
    for id_, status in ((NOBODY, (400, 409, 422)), (BARE, (201,))):
        answer = client.post(name, _pointing(world, name, id_))
        assert answer.status in status, answer.text[:300]


def _pointing(world: World, name: str, id_: str) -> bytes:
    """Take a resource with a literal reference, or put one in an extension, and point it there."""
    for resource in world.data[name].resources.values():
        text = json.dumps(resource)
        if _LITERAL.search(text):
            return _LITERAL.sub(rf'\1/{id_}"', text).encode()
    extension = {"url": "http://claims.test/at", "valueReference": {"reference": f"Basic/{id_}"}}
    return json.dumps(minimal(name) | {"meta": {"extension": [extension]}}).encode()
