"""What may stand in a launch context."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fhirserver.access import AuthContext, smart_policy
from fhirserver.app import build_services
from fhirserver.config import Settings
from fhirserver.errors import FhirError
from fhirserver.identity import accounts
from fhirserver.interactions import Services
from fhirserver.model.json import JsonObject
from fhirserver.smart.launch_context import check_context
from fhirserver.smart.person import as_caller
from tests.smart.conftest import Hospital


@pytest.fixture
def services(hospital: Hospital) -> Services:
    """What pages of this server work with."""
    secured = hospital.secured
    settings = Settings(public_url=secured.base, database_url=secured.database.url)
    made = replace(build_services(settings, cursor_key=b""), policy=smart_policy)
    made.database.close()
    return replace(made, database=secured.database)


@pytest.fixture
def physician(hospital: Hospital, services: Services) -> AuthContext:
    """Who launches."""
    account = accounts.find(services.database, hospital.physician)
    assert account is not None
    return as_caller(services, account, "approved", request_id="1", address="")


@pytest.mark.parametrize(
    ("context", "fits"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"patient": "hers"}, True, id="SEC-L2-patient"),
        pytest.param({"patient": "other"}, False, id="SEC-L2-patient-not-of-the-person"),
        pytest.param({"patient": "nobody"}, False, id="SEC-L2-no-such-patient"),
        pytest.param({"patient": "Patient/hers"}, False, id="SEC-L2-patient-is-an-id"),
        pytest.param({"patient": "hers", "encounter": "of-hers"}, True, id="SEC-L5-both"),
        pytest.param({"patient": "hers", "encounter": "of-other"}, False, id="SEC-L2-of-another"),
        pytest.param({"need_patient_banner": "yes"}, False, id="SEC-L2-banner-is-boolean"),
        pytest.param({"intent": "reconcile", "tenant": "north"}, True, id="SEC-L2-texts"),
        pytest.param({"intent": ""}, False, id="SEC-L2-blank-intent"),
        pytest.param({"access_token": "x"}, False, id="SEC-L2-no-such-name"),
        pytest.param({"fhirContext": {}}, False, id="SEC-L3-a-list"),
        pytest.param({"fhirContext": ["Observation/1"]}, False, id="SEC-L3-of-objects"),
        pytest.param({"fhirContext": [{}]}, False, id="SEC-L3-that-name-something"),
        pytest.param(
            {"fhirContext": [{"reference": "Observation/1"}]}, True, id="SEC-L3-reference"
        ),
        pytest.param(
            {"fhirContext": [{"reference": "https://x/Observation/1"}]}, False, id="SEC-L3-relative"
        ),
        pytest.param({"fhirContext": [{"canonical": "https://x|1"}]}, True, id="SEC-L3-canonical"),
        pytest.param(
            {"fhirContext": [{"identifier": {"value": "1"}}]}, True, id="SEC-L3-identifier"
        ),
        pytest.param({"fhirContext": [{"reference": "Patient/1"}]}, False, id="SEC-L3-patient"),
        pytest.param({"fhirContext": [{"reference": "Encounter/1"}]}, False, id="SEC-L3-encounter"),
        pytest.param(
            {"fhirContext": [{"reference": "Patient/1", "role": "https://x/donor"}]},
            True,
            id="SEC-L3-patient-in-another-role",
        ),
        pytest.param(
            {"fhirContext": [{"reference": "Observation/1", "role": ""}]},
            False,
            id="SEC-L3-no-role",
        ),
    ],
)
def test_contexts(
    services: Services, physician: AuthContext, context: JsonObject, fits: bool
) -> None:
    try:
        check_context(services, physician, context)
    except FhirError:
        assert not fits
    else:
        assert fits
