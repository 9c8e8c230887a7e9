"""What is made of nothing, and what is waited for. DEV-31."""

import pytest

from tests.device_bridge.v2fhir.feed import PID, made, message
from tests.device_bridge.v2fhir.samples import FULL, LAB, OTHERS


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(message("ADT^A99", PID), "none of the source's mappings", id="an-event"),
        pytest.param(message("ADT^A01", "EVN|A01"), "PID is missing", id="no-PID"),
        pytest.param(
            message("ADT^A01", PID.replace("19800229", "19800230")),
            "PID-7 is no HL7 time",
            id="day",
        ),
        pytest.param(
            message("ORU^R01", *LAB).replace(b"|6.10|", b"|high|"), "OBX-5 is no number", id="NM"
        ),
        pytest.param(
            message("VXU^V04", PID, "RXA|0|1|20260504"), "RXA-5 is needed", id="no-vaccine"
        ),
        pytest.param(
            message("ORU^R01", *LAB).replace(b"JVBERi0x", b"#"), "OBX-5.5 is not of", id="Base64"
        ),
        pytest.param(
            message("SIU^S12", *OTHERS["SIU^S12"]).replace(b"|45|", b"|99999999999999999999|"),
            "AIS-7 is longer than",
            id="longer-than-time",
        ),
        pytest.param(
            message("SIU^S12", *OTHERS["SIU^S12"]).replace(
                b"|20260601093000+0200|", b"|99991231235900+0000|"
            ),
            "AIS-7 is longer than",
            id="beyond-the-year-9999",
        ),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_that_says_why(raw: bytes, reason: str) -> None:
    conversion = made(raw)
    assert conversion.bundle is None
    assert reason in (conversion.rejected or "")


@pytest.mark.parametrize("kind", ["ADT^A01", "ORU^R01"])
def test_a_patient_without_a_uri_is_waited_for(kind: str) -> None:
    raw = message(kind, *(LAB if kind == "ORU^R01" else FULL)).replace(b"^^^HOSP^MR", b"^^^ELSE^MR")
    conversion = made(raw)
    assert conversion.held is not None
    assert "no URI for the authority 'ELSE'" in conversion.held
    assert "P1" not in conversion.held
