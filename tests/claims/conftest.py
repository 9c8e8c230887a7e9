"""A server with the data of every claim that it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal
from fhirserver_conformance.examples.of_values import Ask
from fhirserver_conformance.examples.references import OWN
from fhirserver_conformance.examples.searches import Check, TypeData, build
from fhirserver_conformance.examples.values import Json
from tests.client import Client, _encode
from tests.conftest import truncate_all
from tests.server import ServerProcess


@dataclass(frozen=True, slots=True)
class World:
    """What the server claims, and what is stored in it.

    Attributes:
        statement: the CapabilityStatement.
        types: by type, what it claims of it.
        data: by type, what is stored and asked.
    """

    statement: Json
    types: dict[str, Json]
    data: dict[str, TypeData]


@pytest.fixture(scope="package")
def world(server: ServerProcess, server_database_url: str) -> Iterator[World]:
    """Read the claims and store everything that shows them; leaves the server empty."""
    truncate_all(server_database_url)
    with server.client(timeout_s=120) as client:
        statement = client.get("metadata").json
        types = {each["type"]: each for each in statement["rest"][0]["resource"]}
        early = _store(client, _everywhere())
        data = {}
        for name, claimed in types.items():
            made = build(name, [each["name"] for each in claimed["searchParam"]])
            made.checks = [_renamed(check) for check in made.checks]
            resources = {f"{name}/{id_}": each for id_, each in made.resources.items()}
            late = _store(client, resources)
            _add_last_updated(made, early[f"{name}/{FIRST}"], late)
            data[name] = made
    yield World(statement, types, data)
    truncate_all(server_database_url)


def _plain(text: str) -> str:
    """Leave the type out of the examples' ids: here they are the same for all types."""
    return re.sub(r"(claims-[0ab])\.[A-Z]\w+", r"\1", text)


def _renamed(check: Check) -> Check:
    return replace(
        check,
        value=_plain(check.value),
        found=frozenset(map(_plain, check.found)),
        absent=frozenset(map(_plain, check.absent)),
    )


def _everywhere() -> dict[str, Json]:
    """Make the three minimal resources of every type."""
    return {
        f"{name}/{id_}": minimal(name) | {"id": id_}
        for name in r4().resource_types
        for id_ in (BARE, FIRST, SECOND)
    }


def _store(client: Client, resources: dict[str, Json]) -> dict[str, str]:
    """Write everything in one transaction; give the instants of writing by Type/id."""
    entries: list[Any] = [
        {"resource": resource, "request": {"method": "PUT", "url": url}}
        for url, resource in resources.items()
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    text = _plain(_encode(bundle).decode())
    answer = client.post("", text.replace(OWN, client.base).encode())
    assert answer.status == 200, answer.text[:3000]
    found = [entry["response"] for entry in answer.json["entry"]]
    assert [each["status"][:3] for each in found] == ["201"] * len(entries)
    return {url: each["lastModified"] for url, each in zip(resources, found, strict=True)}


def _add_last_updated(data: TypeData, early: str, late: dict[str, str]) -> None:
    """Ask for times of writing: FIRST was written before everything that shows a parameter."""
    url, then = next(iter(late.items()))
    ids = {"late": url.rpartition("/")[2], "early": FIRST}
    for claim, value, found in (
        ("", then, "late"),
        ("eq", f"eq{then}", "late"),
        ("ne", f"ne{then}", "early"),
        ("gt", f"gt{early}", "late"),
        ("lt", f"lt{then}", "early"),
        ("ge", f"ge{then}", "late"),
        ("le", f"le{early}", "early"),
        ("sa", f"sa{early}", "late"),
        ("eb", f"eb{then}", "early"),
    ):
        absent = "early" if found == "late" else "late"
        data.ask("_lastUpdated", Ask(claim, value, (found,), (absent,)), ids)
    both = ("early", "late")
    data.ask("_lastUpdated", Ask("ap", f"ap{then}", ("late",), ()), ids)
    data.ask("_lastUpdated", Ask("ap", "ap1990", (), both), ids)
    data.ask("_lastUpdated", Ask("missing", "false", both, ()), ids)
    data.ask("_lastUpdated", Ask("missing", "true", (), both), ids)
