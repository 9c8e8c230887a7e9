"""Any sequence of writes leaves what a dict of version lists would hold, and `verify` agrees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from fhirserver.errors import ConflictError
from fhirserver.store.database import Database
from fhirserver.store.history import HistoryQuery, history
from fhirserver.store.read import count_types, read, vread
from fhirserver.store.write import Change, write
from tests.conftest import truncate_all
from tests.store.resources import AUDIT, delete, observation, patient, put
from tests.store.test_verify import check

PATIENTS = [f"p{n}" for n in range(3)]
OBSERVATIONS = [f"o{n}" for n in range(3)]
Name = tuple[str, str]


class Store(RuleBasedStateMachine):
    """Patients, and Observations that refer to some of them; integrity is enforced."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        truncate_all(self.database.url)
        self.versions: dict[Name, list[bytes | None]] = {}
        self.subjects: dict[str, set[str]] = {}

    def live(self, name: Name) -> bool:
        """Whether the model holds a current version with a body."""
        return bool(self.versions.get(name)) and self.versions[name][-1] is not None

    def write(self, change: Change) -> None:
        """Write and take the new version into the model."""
        written = write(self.database, [change], AUDIT)[0]
        name = (change.type, change.id)
        assert written.created == (not self.live(name) and change.content is not None)
        if written.changed:
            self.versions.setdefault(name, []).append(written.stored.body)
            assert written.stored.version == len(self.versions[name])

    @rule(id=st.sampled_from(PATIENTS), family=st.sampled_from(["A", "B", "Ä b"]))
    def put_patient(self, id: str, family: str) -> None:
        """Create, update or revive."""
        self.write(put(patient(id, family)))

    @rule(
        id=st.sampled_from(OBSERVATIONS),
        subjects=st.lists(st.sampled_from(PATIENTS), max_size=3, unique=True),
        when=st.sampled_from(["2025", "2026-01-01", "2026-01-01T10:00:00Z"]),
    )
    def put_observation(self, id: str, subjects: list[str], when: str) -> None:
        """Refused when a patient it refers to for the first time is not there."""
        names = [f"Patient/{each}" for each in subjects]
        change = put(observation(id, *names, effectiveDateTime=when))
        known = self.subjects.get(id, set()) if self.live(("Observation", id)) else set()
        missing = [each for each in subjects if not self.live(("Patient", each))]
        if set(missing) - known:
            with pytest.raises(ConflictError):
                write(self.database, [change], AUDIT)
            return
        self.write(change)
        self.subjects[id] = set(subjects)

    @rule(id=st.sampled_from(PATIENTS))
    def delete_patient(self, id: str) -> None:
        """Refused while a live Observation refers to it."""
        referred = any(
            id in subjects and self.live(("Observation", each))
            for each, subjects in self.subjects.items()
        )
        if referred and self.live(("Patient", id)):
            with pytest.raises(ConflictError):
                write(self.database, [delete("Patient", id)], AUDIT)
            return
        self.write(delete("Patient", id))

    @rule(id=st.sampled_from(OBSERVATIONS))
    def delete_observation(self, id: str) -> None:
        """Nothing refers to an Observation."""
        self.write(delete("Observation", id))

    @precondition(lambda self: bool(self.versions))
    @rule(data=st.data())
    def read_back(self, data: st.DataObject) -> None:
        """Read the current and every earlier version, and the history."""
        type, id = data.draw(st.sampled_from(sorted(self.versions)))
        bodies = self.versions[type, id]
        current = read(self.database, type, id, AUDIT)
        assert current is not None
        assert (current.version, current.body) == (len(bodies), bodies[-1])
        for number, body in enumerate(bodies, start=1):
            stored = vread(self.database, type, id, number, AUDIT)
            assert stored is not None
            assert stored.body == body
        page = history(self.database, HistoryQuery((type,), id, count=1000), AUDIT)
        assert [each.body for each in page.entries] == bodies[::-1]

    def teardown(self) -> None:
        """Count what is live and check the whole database."""
        live = [type for type, id in self.versions if self.live((type, id))]
        assert count_types(self.database) == {type: live.count(type) for type in sorted(set(live))}
        assert check(self.database.url).findings == []


@pytest.fixture
def machine(empty: Database) -> Iterator[type[Store]]:
    """The machine on this module's database."""
    Store.database = empty
    yield Store
    del Store.database


def test_any_sequence_of_writes_leaves_what_a_dict_would_hold(machine: type[Store]) -> None:
    limits = settings(max_examples=20, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(machine, settings=limits)  # type: ignore[no-untyped-call]
