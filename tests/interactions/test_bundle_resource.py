"""Bundles as resources: what stands in their entries is inside them.

Spec: https://hl7.org/fhir/R4/bundle.html#resolving
"""

from typing import Any

import pytest

from tests.client import Client

pytestmark = pytest.mark.usefixtures("clean")


def composition(id_: str, title: str, **content: Any) -> dict[str, Any]:
    return {
        "resourceType": "Composition",
        "id": id_,
        "status": "final",
        "type": {"text": "note"},
        "date": "2020",
        "author": [{"display": "somebody"}],
        "title": title,
        **content,
    }


def document(id_: str, *resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "id": id_,
        "type": "document",
        "timestamp": "2020-01-01T00:00:00Z",
        "identifier": {"system": "http://b", "value": id_},
        "entry": [
            {"fullUrl": f"http://x.org/fhir/{each['resourceType']}/{each['id']}", "resource": each}
            for each in resources
        ],
    }


def test_a_document_refers_to_nothing_outside(client: Client) -> None:
    inner = composition("c", "inner", subject={"reference": "Patient/p"})
    stored = client.put("Bundle/d", document("d", inner, {"resourceType": "Patient", "id": "p"}))
    assert stored.status == 201, stored.text
    assert client.get("Bundle/d").json["entry"][0]["resource"] == inner
    assert client.put("Composition/c", composition("c", "outer")).status == 201
    assert client.delete("Composition/c").status == 204


def test_a_document_is_found_by_its_own_elements(client: Client) -> None:
    client.put("Bundle/d", document("d", composition("c", "inner")))
    assert [each["id"] for each in client.search("Bundle?identifier=http://b|d")] == ["d"]
    assert [each["id"] for each in client.search("Bundle?type=document")] == ["d"]
