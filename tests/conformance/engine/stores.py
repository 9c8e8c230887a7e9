"""What scripts of the tests are made of: actions, fixtures, and a server that stores them."""

from __future__ import annotations

from fhirserver_conformance.script.model import Assert, Fixture, Operation
from tests.conformance.lying_server import Received, Wire, answer

OK = Operation(url="ok")
HOLDS = Assert(response_code="200,201,204")
BREAKS = Assert(response_code="599")
PATIENT = Fixture(
    id="p", body=b'{"resourceType":"Patient","id":"p1"}', autocreate=True, autodelete=True
)
NO_ID = Fixture(id="o", body=b'{"resourceType":"Group"}', autocreate=True, autodelete=True)


def stores(request: Received, wire: Wire) -> None:
    """Answer as a server that stores whatever comes, with an id where there is none."""
    if request.method == "POST":
        wire.send(answer(201, b"", {"Location": f"{request.target}/made/_history/1"}))
    elif request.method == "PUT":
        wire.send(answer(201, b"", {"Location": request.target}))
    else:
        wire.send(answer(204 if request.method == "DELETE" else 200))
