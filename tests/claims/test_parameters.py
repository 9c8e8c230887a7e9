"""Every search parameter finds what it claims to find, and nothing beside it.

Spec: https://hl7.org/fhir/R4/search.html
"""

from urllib.parse import urlencode

import msgspec
import pytest

from fhirserver.definitions import r4
from tests.claims.conftest import World
from tests.claims.data import Check
from tests.claims.references import OWN
from tests.client import Client


class _Resource(msgspec.Struct):
    id: str


class _Entry(msgspec.Struct):
    resource: _Resource


class _Link(msgspec.Struct):
    relation: str


class _Bundle(msgspec.Struct):
    """As much of a searchset as these tests look at: they read a million entries."""

    link: list[_Link]
    entry: list[_Entry] = []


_DECODER = msgspec.json.Decoder(_Bundle)


@pytest.mark.parametrize("name", r4().resource_types)
def test_parameters_find_and_leave_out(name: str, world: World, client: Client) -> None:
    data = world.data[name]
    failures = [line for check in data.checks for line in _run(client, name, check)]
    assert not failures, "\n".join(failures)


def _run(client: Client, name: str, check: Check) -> list[str]:
    """Ask; give what is wrong in words."""
    value = check.value.replace(OWN, client.base)
    path = f"{name}?{urlencode({check.name: value, '_count': 1000})}"
    answer = client.get(path)
    if answer.status != 200:
        return [f"{path}: {answer.status} {answer.text[:300]}"]
    bundle = _DECODER.decode(answer.body)
    assert all(link.relation != "next" for link in bundle.link), path
    ids = {entry.resource.id for entry in bundle.entry}
    lost, surplus = check.found - ids, check.absent & ids
    return [
        f"{path}: {words} {sorted(wrong)}"
        for words, wrong in (("does not find", lost), ("finds", surplus))
        if wrong
    ]
