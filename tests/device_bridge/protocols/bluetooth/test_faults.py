"""DEV-22: a value that is too short, too long or has reserved flags is refused, with its place.

Ids name the source as those of `test_vectors` do.
"""

from __future__ import annotations

import pytest

from fhirserver_device_bridge.protocols.bluetooth.errors import BluetoothError
from fhirserver_device_bridge.protocols.bluetooth.measurements import measurements
from tests.device_bridge.protocols.bluetooth.lines import GLUCOSE, SOURCE, entry


@pytest.mark.parametrize(
    ("number", "value", "fault"),
    [
        pytest.param(0x2A35, "010203040506", "'mean' has 2 octets, and 1", id="2A35-nordic-short"),
        pytest.param(0x2A35, "03020304050607", "'time' has 7 octets", id="2A35-nordic-no-time"),
        pytest.param(
            0x2A1C, "06B00E00FEDC070C050B321B", "'place' has 1", id="2A1C-nordic-no-place"
        ),
        pytest.param(0x2A37, "170101", "'interval' has 2 octets", id="2A37-nordic-short"),
        pytest.param(0x2A37, "10550D03AA", "'interval' has 2", id="2A37-half-an-interval"),
        pytest.param(
            0x2A18,
            "1B0000E207041A0B091E1E00120501",
            "'status' has 2 octets, and 0",
            id="2A18-nordic-no-offset",
        ),
        pytest.param(
            0x2A34,
            "FF0000B30364F0041200 3C00 32 04 0000 0000",
            "'more flags' are reserved",
            id="2A34-more-flags",
        ),
        pytest.param(0x2A34, "000100" + "00" * 14, "14 octets more", id="2A34-trailing-octets"),
        pytest.param(0x2A34, "000300", "give its measurement (2A18", id="2A34-without-measurement"),
        pytest.param(
            0x2A9C, "FEAF" + "00" * 28, "flags 0xa000 are reserved", id="2A9C-bvp-reserved"
        ),
        *(
            pytest.param(number, "", "'flags' has", id=f"{number:04X}-empty")
            for number in (0x2A35, 0x2A1C, 0x2A37, 0x2A5E, 0x2A5F, 0x2A18, 0x2A34, 0x2A9C, 0x2A9D)
        ),
        *(
            pytest.param(number, "E0" + "00" * 28, "are reserved", id=f"{number:04X}-reserved")
            for number in (0x2A35, 0x2A1C, 0x2A37, 0x2A5E, 0x2A5F, 0x2A18, 0x2A9D)
        ),
        *(
            pytest.param(number, value + "00", "1 octets more", id=f"{number:04X}-trailing")
            for number, value in (
                (0x2A35, "00" * 7),
                (0x2A1C, "00" * 5),
                (0x2A5E, "00" * 5),
                (0x2A9C, "00" * 4),
                (0x2A9D, "00" * 3),
            )
        ),
    ],
)
def test_dev_22_a_value_that_cannot_be_read(number: int, value: str, fault: str) -> None:
    with pytest.raises(BluetoothError) as caught:
        measurements(entry(number, value, known=GLUCOSE), SOURCE, 1)
    assert fault in str(caught.value)
