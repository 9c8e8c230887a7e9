"""A server with a few synthetic patients, for tests that only read."""

import pytest

from fhirserver.samples import sample_bundles
from tests.client import Client
from tests.conftest import truncate_all
from tests.server import ServerProcess

PATIENTS = 6


@pytest.fixture(scope="module")
def filled(server: ServerProcess, server_database_url: str) -> Client:
    """A connection to a server that holds the clinic's patients and nothing else."""
    truncate_all(server_database_url)
    client = server.client()
    for bundle in sample_bundles(PATIENTS, seed=5):
        answer = client.post("", bundle)
        assert answer.status == 200, answer.text
    return client
