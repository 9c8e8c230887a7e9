"""One resource of every type in the record of each of two patients.

Ids are the patient's and the type's, e.g. "reach-a-Observation"; references stay within a record.
"""

from __future__ import annotations

import json
import re
from typing import Any

from fhirserver.definitions import r4
from fhirserver.search.extract import extract
from fhirserver_conformance.examples.minimal import BARE, minimal
from fhirserver_conformance.examples.places import places, put
from tests.secured import Caller

OWN, OTHER, ABSENT = "reach-a", "reach-b", "reach-c"
MEMBERS = frozenset(name for name, codes in r4().compartment("Patient").items() if codes)
TYPES = r4().resource_types
_LINKS = {"Binary": "securityContext", "Device": "patient", "Task": "for"}
"""Elements that make a type outside the compartment a patient's."""
_BARE = re.compile(rf'"([A-Za-z]+)/{re.escape(BARE)}\.\1"')


def id_of(type_: str, patient: str) -> str:
    """Give the id of the resource of a type in a patient's record."""
    return patient if type_ == "Patient" else f"{patient}-{type_}"


def resource(type_: str, patient: str) -> Any:
    """Make the resource of a type in a patient's record."""
    made = minimal(type_)
    if type_ in MEMBERS and not _is_member({**made, "id": "x"}):
        code = r4().compartment("Patient")[type_][0]
        place = (places(r4().search_parameters(type_)[code]) or [])[0]
        made = put(made, place, {"reference": f"Patient/{BARE}.Patient"})
    if type_ in _LINKS:
        made[_LINKS[type_]] = {"reference": f"Patient/{BARE}.Patient"}
    text = _BARE.sub(lambda found: f'"{found[1]}/{id_of(found[1], patient)}"', json.dumps(made))
    made = {**json.loads(text), "id": id_of(type_, patient)}
    if type_ == "SearchParameter":
        made["status"] = "draft"  # it defines nothing
    return made


def _is_member(made: Any) -> bool:
    return bool(extract(made, definitions=r4(), base_url=None).patients)


def store(everybody: Caller, *others: Any) -> None:
    """Store both records and other resources, all in one transaction."""
    resources = [resource(type_, patient) for type_ in TYPES for patient in (OWN, OTHER)]
    entries = [
        {
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in (*resources, *others)
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = everybody.request("POST", "", bundle)
    assert answer.status == 200, answer.text[:2000]
