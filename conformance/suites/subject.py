"""The resource that a type's script of interactions is about, and requests for it.

Spec: https://hl7.org/fhir/R4/http.html
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fhirserver_conformance.examples.minimal import minimal
from fhirserver_conformance.suites.pointing import astray
from fhirserver_conformance.suites.statement import Offer
from fhirserver_conformance.suites.testscript import WHOLE, Json, expect_status, fixture, operation
from fhirserver_conformance.suites.world import TAGS, World

NOBODY = "conformance-nobody"
JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True)
class Subject:
    """A type to try.

    The script has the variables `id`, `v1` and `v2`: of the resource and its two versions.
    """

    offer: Offer
    world: World

    @property
    def name(self) -> str:
        """The type."""
        return self.offer.type

    def fixtures(self) -> Iterator[tuple[Json, str, bytes]]:
        """Give every fixture with the name of its file and its body."""
        plain = minimal(self.name)
        tagged = [f"tag-{what}" for what in ("create", "update", "delete")]
        bodies: Mapping[str, object] = {
            "first": plain,
            "second": plain | {"id": "${id}", "language": "de"},
            "third": plain | {"id": "${id}", "language": "fr"},
            "misplaced": plain | {"id": NOBODY},
            "chosen": plain | {"id": f"{self.world.prefix}-chosen"},
            "unlike": {"resourceType": "Basic" if self.name != "Basic" else "Patient"},
            "surplus": plain | {"noSuchElement": 1},
            "fitting": [{"op": "add", "path": "/language", "value": "it"}],
            "unfitting": [{"op": "test", "path": "/language", "value": "xx"}],
            "pointing": self.world.data.resources["pointing"],
            "stray": astray(self.world.data.resources["pointing"], NOBODY),
            **{tag: plain | {"meta": {"tag": [self.tag(tag)]}} for tag in tagged},
        }
        for id_, body in bodies.items():
            file = f"fixtures/{self.name}-{id_}.json"
            yield fixture(id_, file), file, self.world.written(json.dumps(body)).encode()

    def variables(self) -> Iterator[Json]:
        """Give the script's variables."""
        yield {"name": "id", "expression": f"{self.name}.id", "sourceId": "created"}
        for name, source in (("v1", "created"), ("v2", "updated")):
            expression = f"{self.name}.meta.versionId"
            yield {"name": name, "expression": expression, "sourceId": source}
        yield {"name": "recent", "expression": f"{self.name}.id", "sourceId": "recent"}
        for name, field_name in (("etag", "ETag"), ("modified", "Last-Modified")):
            yield {"name": name, "headerField": field_name, "sourceId": "known"}

    def tag(self, code: str) -> Json:
        """Give a tag that only this script uses."""
        return {"system": f"{TAGS}/{self.world.prefix}", "code": code}

    def tagged(self, code: str) -> str:
        """Give the query for what has a tag."""
        return f"_tag={TAGS}/{self.world.prefix}%7C{code}"

    def create(self, response_id: str, source_id: str = "first", *headers: Json) -> Json:
        """Create a resource."""
        more: Json = {"sourceId": source_id, "responseId": response_id}
        more["requestHeader"] = [WHOLE, *headers]
        return operation("create", {"resource": self.name, **more})

    def update(self, source_id: str, response_id: str) -> Json:
        """Update the resource."""
        more: Json = {"sourceId": source_id, "responseId": response_id}
        more |= {"params": "/${id}", "requestHeader": [WHOLE]}
        return operation("update", {"resource": self.name, **more})

    def send(self, code: str, params: str, more: Mapping[str, object] | None = None) -> Json:
        """Send some other request below the type."""
        return operation(code, {"resource": self.name, "params": params} | dict(more or {}))

    def remove(self, response_id: str) -> Iterator[Json]:
        """Delete what a test created, where the server deletes."""
        if "delete" in self.offer.interactions:
            yield operation("delete", {"targetId": response_id})
            yield expect_status("200,202,204")


@dataclass(frozen=True, slots=True)
class Trial:
    """How a claim is tried.

    Attributes:
        description: what must be.
        shows: requirements.
        actions: the test's.
        is_claimed: whether a type's offer makes the claim, and what the test needs beside it.
    """

    description: str
    shows: tuple[str, ...]
    actions: Callable[[Subject], Iterator[Json]]
    is_claimed: Callable[[Offer], bool] = field(default=lambda _offer: True)
