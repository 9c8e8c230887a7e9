"""Any sequence of batches and transactions leaves what a dict would hold, on several workers.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.client import Answer
from tests.conftest import truncate_all
from tests.interactions.bundle_model import SYSTEM, Ask, Model, Settled
from tests.server import ServerProcess

EXAMPLES = int(os.environ.get("FHIRSERVER_BUNDLE_EXAMPLES", "5"))
VALUES = st.sampled_from("abcd")
PATIENTS = st.sampled_from(("p0", "p1", "p2"))
BASICS = st.sampled_from(("b0", "b1"))
MATCH = st.sampled_from((None, None, None, None, None, None, 1, 2))
SEEDED = dict(zip(("p0", "p1", "p2"), "abc", strict=True))
"""What is stored at first: ids and their identifiers."""
PATIENT_ASKS = st.one_of(
    st.builds(Ask, st.just("PUT"), id=PATIENTS, value=VALUES, active=st.booleans(), if_match=MATCH),
    st.builds(Ask, st.just("PUT"), id=PATIENTS, value=VALUES, only_create=st.just(True)),
    st.builds(Ask, st.just("PUT"), condition=VALUES, value=VALUES, active=st.booleans()),
    st.builds(Ask, st.just("POST"), condition=st.none() | VALUES, value=VALUES),
    st.builds(Ask, st.just("PATCH"), id=PATIENTS, active=st.booleans(), if_match=MATCH),
    st.builds(Ask, st.just("PATCH"), condition=VALUES, active=st.booleans()),
    st.builds(Ask, st.just("DELETE"), id=PATIENTS, if_match=MATCH),
    st.builds(Ask, st.just("DELETE"), condition=VALUES),
)
BASIC_DELETES = st.builds(Ask, st.just("DELETE"), st.just("Basic"), id=BASICS)
READS = st.builds(Ask, st.just("GET"), condition=VALUES) | st.builds(
    Ask, st.just("GET"), id=PATIENTS
)
LITERALS = PATIENTS.map(lambda id: f"Patient/{id}")
CONDITIONAL = VALUES.map(lambda value: f"Patient?identifier={SYSTEM}|{value}")


def basics(subjects: st.SearchStrategy[str]) -> st.SearchStrategy[Ask]:
    return st.builds(Ask, st.just("PUT"), st.just("Basic"), id=BASICS, subject=subjects)


def likely_target(ask: Ask) -> object:
    """Guess what an entry writes, from what is stored at first."""
    by_value = {value: id for id, value in SEEDED.items()}
    return ask.type, ask.id or by_value.get(ask.condition or "", ask.condition or ask.value)


@st.composite
def transactions(draw: st.DrawFn) -> list[Ask]:
    """Draw entries, some of which refer to others by their fullUrl; few write the same."""
    unique_by = draw(st.sampled_from((likely_target, likely_target, likely_target, repr)))
    asks = draw(st.lists(PATIENT_ASKS, max_size=4, unique_by=unique_by))
    written = [f"#{at}" for at, ask in enumerate(asks) if ask.method in ("POST", "PUT")]
    subjects = [LITERALS, CONDITIONAL, *([st.sampled_from(written)] if written else [])]
    others = st.one_of(basics(st.one_of(subjects)), BASIC_DELETES, READS)
    return asks + draw(st.lists(others, max_size=3, unique_by=unique_by))


class Bundles(RuleBasedStateMachine):
    """A server with two workers, and the model."""

    server: ServerProcess
    database_url: str

    def __init__(self) -> None:
        super().__init__()
        truncate_all(self.database_url)
        self.model = Model()
        # Two connections: requests in turn may come to different workers.
        self.clients = [self.server.client(), self.server.client()]
        self.send_batch([Ask("PUT", id=id, value=value) for id, value in SEEDED.items()])

    def send(self, type_: str, asks: list[Ask]) -> Answer:
        self.clients.reverse()
        entries = [ask.entry(place) for place, ask in enumerate(asks)]
        return self.clients[0].post("", {"resourceType": "Bundle", "type": type_, "entry": entries})

    @rule(asks=transactions())
    def transact(self, asks: list[Ask]) -> None:
        """All entries or none."""
        told = self.model.transaction(asks)
        answer = self.send("transaction", asks)
        if told.faults:
            assert answer.status in told.faults, answer.text
        else:
            assert answer.status == 200, answer.text
            self.compare(asks, answer.json.get("entry", []), told)
        self.look()

    @rule(
        asks=st.lists(st.one_of(PATIENT_ASKS, basics(LITERALS), BASIC_DELETES, READS), max_size=5)
    )
    def batch(self, asks: list[Ask]) -> None:
        """Each entry as if it came alone."""
        self.send_batch(asks)
        self.look()

    def send_batch(self, asks: list[Ask]) -> None:
        told = self.model.batch(asks)
        answer = self.send("batch", asks)
        assert answer.status == 200, answer.text
        self.compare(asks, answer.json.get("entry", []), told)

    def compare(self, asks: list[Ask], entries: list[Any], told: Settled) -> None:
        """Hold the answers to the entries against the model, and learn new ids."""
        statuses = {at: int(each["response"]["status"][:3]) for at, each in enumerate(entries)}
        assert statuses == told.statuses
        ids = {}
        for place, each in enumerate(entries):
            if statuses[place] == 201:
                ids[f"new-{place}"] = each["response"]["location"].split("/")[1]
        self.model.accept(ids)
        for place, found in told.found.items():
            answered = {
                each["resource"]["id"] for each in entries[place]["resource"].get("entry", [])
            }
            assert answered == {ids.get(id, id) for id in found}, asks[place]

    def look(self) -> None:
        """Compare every version of everything that was ever stored."""
        for (type_, id), kept in self.model.versions.items():
            history = self.clients[0].get(f"{type_}/{id}/_history").json["entry"]
            stored = [each.get("resource") for each in reversed(history)]
            for version, content in enumerate(stored, start=1):
                if content is not None:
                    assert content.pop("meta")["versionId"] == str(version)
            assert stored == kept, f"{type_}/{id}"
        for type_ in ("Patient", "Basic"):
            live = {
                id
                for kind, id in self.model.versions
                if kind == type_ and self.model.live((kind, id))
            }
            assert {each["id"] for each in self.clients[1].search(type_)} == live

    def teardown(self) -> None:
        for client in self.clients:
            client.connection.close()


@pytest.fixture
def machine(server: ServerProcess, server_database_url: str) -> Iterator[type[Bundles]]:
    """The machine on the session's server."""
    Bundles.server, Bundles.database_url = server, server_database_url
    yield Bundles
    del Bundles.server, Bundles.database_url


def test_any_sequence_of_bundles_leaves_what_a_dict_would_hold(machine: type[Bundles]) -> None:
    limits = settings(max_examples=EXAMPLES, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(machine, settings=limits)  # type: ignore[no-untyped-call]
