"""Every search parameter finds what it claims to find, and nothing beside it.

Spec: https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec
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
from fhirserver_conformance.examples.of_values import MODIFIERS, NOTHING_TO_FIND, PREFIXES
from fhirserver_conformance.examples.references import OWN
from fhirserver_conformance.examples.searches import Check, TypeData, claims_of
from tests.claims.conftest import World
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


class _Response(msgspec.Struct):
    status: str
    outcome: msgspec.Raw = msgspec.Raw(b"")


class _Answer(msgspec.Struct):
    response: _Response
    resource: msgspec.Raw = msgspec.Raw(b"")


class _Batch(msgspec.Struct):
    entry: list[_Answer]


_BATCH, _SEARCHSET = msgspec.json.Decoder(_Batch), msgspec.json.Decoder(_Bundle)
TOGETHER = 100
"""Searches in one batch."""


def test_every_claim_has_data(world: World) -> None:
    """A claim without something to find, or without something to leave out, is listed here."""
    gaps = [line for data in world.data.values() for line in data.gaps]
    for name in world.types:
        gaps += _gaps(world.data[name])
    assert not gaps, "\n".join(gaps)


def _gaps(data: TypeData) -> Iterator[str]:
    """Give the claims of a type that no check shows."""
    shown: dict[tuple[str, str], list[Check]] = {}
    for check in data.checks:
        claim = "[type]" if check.claim[:1].isupper() else check.claim
        shown.setdefault((check.code, claim), []).append(check)
    for code in data.codes:
        parameter = r4().search_parameters(data.type)[code]
        for claim in claims_of(parameter):
            checks = shown.get((code, claim), [])
            datatypes = data.datatypes.get(code, set())
            if not any(check.absent for check in checks):
                yield f"{data.type}.{code}:{claim}: nothing to leave out"
            if any(check.found for check in checks):
                continue
            if not datatypes or any((claim, each) not in NOTHING_TO_FIND for each in datatypes):
                yield f"{data.type}.{code}:{claim}: nothing to find"


def test_modifiers_and_prefixes_are_those_of_the_server() -> None:
    modules = (composite, date, number, quantity, reference, special, string, token, uri)
    for module in modules:
        kind = module.__name__.rpartition(".")[2]
        assert set(MODIFIERS[kind]) == getattr(module, "MODIFIERS", set()), kind
    assert set(PREFIXES) == set(prefix.PREFIXES)


@pytest.mark.parametrize("name", r4().resource_types)
def test_parameters_find_and_leave_out(name: str, world: World, client: Client) -> None:
    data = world.data[name]
    failures: list[str] = []
    for start in range(0, len(data.checks), TOGETHER):
        failures += _run(client, name, data.checks[start : start + TOGETHER])
    assert not failures, "\n".join(failures)


def _run(client: Client, name: str, checks: list[Check]) -> Iterator[str]:
    """Ask everything in one batch; give what is wrong in words."""
    urls = []
    for check in checks:
        value = check.value.replace(OWN, client.base)
        urls.append(f"{name}?{urlencode({check.name: value, '_count': 1000})}")
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    answer = client.post("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert answer.status == 200, answer.text[:500]
    answers = _BATCH.decode(answer.body).entry
    for url, check, each in zip(urls, checks, answers, strict=True):
        yield from _faults(url, check, each)


def _faults(url: str, check: Check, answer: _Answer) -> Iterator[str]:
    if not answer.response.status.startswith("200"):
        yield f"{url}: {answer.response.status} {bytes(answer.response.outcome)[:300]!r}"
        return
    bundle = _SEARCHSET.decode(answer.resource)
    assert all(link.relation != "next" for link in bundle.link), url
    ids = {entry.resource.id for entry in bundle.entry}
    if lost := check.found - ids:
        yield f"{url}: does not find {sorted(lost)}"
    if surplus := check.absent & ids:
        yield f"{url}: finds {sorted(surplus)}"
