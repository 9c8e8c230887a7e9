"""A server that knows the patients whom messages name, and a way to it."""

from collections.abc import Iterator

import pytest

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.sender.lane import Lane
from tests.client import Client
from tests.device_bridge.messages import HOSPITAL
from tests.server import ServerProcess

PATIENTS = ("P-7", "3499999", "HO2009001", "2eefgghy", "12345")


@pytest.fixture
def patients(client: Client) -> None:
    """Those whom messages of the tests name."""
    for number in PATIENTS:
        found = f"identifier={HOSPITAL}|{number}"
        body = {"resourceType": "Patient", "identifier": [{"system": HOSPITAL, "value": number}]}
        answer = client.post("Patient", body, if_none_exist=found)
        assert answer.status in (200, 201), answer.text


@pytest.fixture
def lane(server: ServerProcess) -> Iterator[Lane]:
    """A way to the session's server."""
    opened = Lane(Server(server.base))
    yield opened
    opened.close()
