"""The reference data of a recorded run, stored on the server under test.

The ids of the recorded server are not in the data: all but patients 85 and 907 got them when they
were stored there. `Known` tells which resources of ours stand for them.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from pathlib import Path
from typing import Any

from fhirserver.definitions import r4
from fhirserver.model.json import copy_json, write_json
from fhirserver_conformance.public.cases import (
    JsonObject,
    Site,
    objects,
    read_json,
    resource_of,
    said,
)
from fhirserver_conformance.results import Exchange

BUNDLES = (
    "uscore_bundle_asserted-date.json",
    "uscore_bundle_patient_85.json",
    "uscore_bundle_patient_907.json",
)


class Loaded:
    """What was stored.

    Attributes:
        resources: with the ids they got, references changed to lead there.
        exchanges: of the transactions.
        complaint: why it was not all stored; None where it was.
        definitions: R4's, with the parameters that were stored too.
    """

    def __init__(self) -> None:
        self.resources: list[JsonObject] = []
        self.exchanges: list[Exchange] = []
        self.complaint: str | None = None
        self.definitions = r4()

    def of_type(self, type_name: str) -> list[JsonObject]:
        """Give those of a type, in the order of the data."""
        return [each for each in self.resources if each["resourceType"] == type_name]


def load(site: Site, folder: Path) -> Loaded:
    """Store the Bundles, each as one transaction.

    Raises:
        DataError: a file cannot be read.
    """
    loaded = Loaded()
    for name in BUNDLES:
        bundle = read_json(folder / name)
        answer = site.send("POST", "", write_json(bundle))
        loaded.exchanges.append(answer)
        entries = objects(resource_of(answer), "entry")
        if answer.status != 200 or len(entries) != len(bundle["entry"]):
            loaded.complaint = f"{name}: status {answer.status}{said(answer)}"
            return loaded
        places = [_place(each) for each in entries]
        loaded.resources += stored(bundle["entry"], places)
    return loaded


def stored(entries: list[JsonObject], places: list[str]) -> list[JsonObject]:
    """Give a transaction's resources as they are once stored. Pure.

    Args:
        entries: of the transaction.
        places: "Type/id" of each.
    """
    moved = {
        entry["fullUrl"]: place
        for entry, place in zip(entries, places, strict=True)
        if "fullUrl" in entry
    }
    found = []
    for entry, place in zip(entries, places, strict=True):
        resource = _with_references(copy_json(entry["resource"]), moved)
        found.append({**resource, "id": place.partition("/")[2]})
    return found


def _with_references(value: Any, moved: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: moved.get(each, each)
            if name == "reference" and isinstance(each, str)
            else _with_references(each, moved)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_with_references(each, moved) for each in value]
    return value


def _place(entry: JsonObject) -> str:
    """Give "Type/id" of a response entry's location."""
    response = entry.get("response")
    location = response.get("location") if isinstance(response, dict) else None
    parts = str(location).partition("/_history")[0].split("/")
    return "/".join(parts[-2:])
