"""What lies in the compartments of many patients: in reach of whoever is granted all of them.

Spec: https://hl7.org/fhir/R4/compartmentdefinition.html

Index rows are copied for eight compartments at most; an Appointment of nine is beyond that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fhirserver.store.schema import COPIES_MAX
from tests.client import Answer
from tests.secured import Caller, Secured

ALL = tuple(f"many-{number}" for number in range(COPIES_MAX + 1))
FEW, SOME = ALL[:2], ALL[:-1]
OTHER = {"resourceType": "Patient", "id": "x", "name": [{"family": "Other"}]}
Open = Callable[..., Caller]


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def appointment(id_: str, patients: tuple[str, ...], **more: Any) -> dict[str, Any]:
    actors = [*(f"Patient/{each}" for each in patients), "Practitioner/many-dr"]
    return {
        "resourceType": "Appointment", "id": id_, "status": "booked",
        "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T11:00:00Z",
        "participant": [{"actor": ref(each), "status": "accepted"} for each in actors], **more,
    }  # fmt: skip


STORED = [
    {"resourceType": "Practitioner", "id": "many-dr"},
    *({"resourceType": "Patient", "id": each} for each in ALL),
    {"resourceType": "Patient", "id": "many-linked",
     "link": [{"other": ref(f"Patient/{each}"), "type": "seealso"} for each in ALL]},
    appointment("many-all", ALL),
    appointment("many-some", SOME),
    appointment("many-few", FEW),
    appointment("many-other", ALL, contained=[OTHER],
                extension=[{"url": "http://many.test", "valueReference": ref("#x")}]),
]  # fmt: skip
SEEN = [
    pytest.param(ALL, {"many-all", "many-some", "many-few"}, id="all-of-them"),
    pytest.param(SOME, {"many-some", "many-few"}, id="all-but-one"),
    pytest.param(ALL[1:], set(), id="all-but-another"),
    pytest.param(FEW, {"many-few"}, id="two"),
    pytest.param((ALL[0], "many-linked"), set(), id="one-and-the-linked"),
]


@pytest.fixture(scope="module")
def call(secured: Secured) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(scopes: str, **whose: Any) -> Caller:
            token = secured.issue(scopes, **whose).secret
            return opened.enter_context(secured.caller(token))

        puts = [
            {"resource": each, "request": {"method": "PUT",
             "url": f"{each['resourceType']}/{each['id']}"}}
            for each in STORED
        ]  # fmt: skip
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": puts}
        assert open_("system/*.cruds").request("POST", "", bundle).status == 200
        yield open_


def found(answer: Answer, type_: str = "Appointment") -> set[str]:
    assert answer.status == 200, answer.text
    resources = [each["resource"] for each in answer.json.get("entry", ())]
    return {each["id"] for each in resources if each["resourceType"] == type_}


SEARCHES = [
    "Appointment?_count=100", "Appointment?status=booked&_sort=-date", "Appointment?_sort=status",
    f"Appointment?patient={ALL[1]}", f"Patient/{ALL[1]}/Appointment", f"Patient/{ALL[1]}/*",
    "Practitioner/many-dr/Appointment", "Practitioner?_id=many-dr&_revinclude=Appointment:actor",
    f"Patient?_id={ALL[1]}&_revinclude=Appointment:patient",
    "Appointment?actor:Practitioner._id=many-dr", "?_type=Appointment", "Appointment/_history",
    "Appointment?_id=many-all,many-some,many-few,many-other",
]  # fmt: skip


@pytest.mark.parametrize(("patients", "seen"), SEEN)
def test_who_is_granted_all_sees_it(call: Open, patients: tuple[str, ...], seen: set[str]) -> None:
    """SEC-E7, SEC-E11, SEC-E24: reads, searches, includes, totals, and writes."""
    care = {"role": "physician", "user": f"Practitioner/many-{len(patients)}-{patients[0]}"}
    caller = call("user/*.cruds", **care, patients=patients)
    for id_ in ("many-all", "many-some", "many-few", "many-other"):
        statuses = {caller.get(f"Appointment/{id_}{path}").status for path in ("", "/_history/1")}
        assert statuses == {200 if id_ in seen else 404}, id_
    for query in SEARCHES:
        of_another = ALL[1] in query and ALL[1] not in patients
        assert found(caller.get(query)) == (set() if of_another else seen), query
    assert caller.get("Appointment?_summary=count").json["total"] == len(seen)
    assert found(caller.get("Patient?_count=100"), "Patient") == set(patients)
    update = caller.request("PUT", "Appointment/many-all", appointment("many-all", ALL))
    assert update.status == (200 if "many-all" in seen else 403)


def test_a_patient_does_not_see_what_it_shares(call: Open) -> None:
    """SEC-E7: nobody learns who else came."""
    caller = call("patient/*.rs", patient=ALL[0])
    assert found(caller.get("Appointment?_count=100")) == set()
    assert caller.get("Appointment/many-all").status == 404
