"""Temperature Measurement, 0x2A1C.

Spec: Bluetooth SIG, Health Thermometer Service 1.0, 3.1; GATT Specification Supplement

    flags   1 degrees Fahrenheit, else Celsius   2 time   4 where it was measured
"""

from fhirserver_device_bridge.protocols.bluetooth.fields import Field, Layout
from fhirserver_device_bridge.protocols.bluetooth.meanings import (
    Characteristic,
    Codes,
    Figure,
    Part,
    Unit,
)
from fhirserver_device_bridge.protocols.x20601.nomenclature import term

_PLACES = {
    1: term("MDC_TEMP_AXILLA"),
    2: term("MDC_TEMP_BODY"),
    3: term("MDC_TEMP_EAR"),
    4: term("MDC_TEMP_FINGER"),
    5: term("MDC_TEMP_GIT"),
    6: term("MDC_TEMP_ORAL"),
    7: term("MDC_TEMP_RECT"),
    8: term("MDC_TEMP_TOE"),
    9: term("MDC_TEMP_TYMP"),
}

MEASUREMENT = Characteristic(
    number=0x2A1C,
    service=0x1809,
    device=term("MDC_DEV_SPEC_PROFILE_TEMP"),
    layout=Layout(
        known_flags=0x07,
        fields=(
            Field("temperature", "float"),
            Field("time", "time", 0x02),
            Field("place", "u8", 0x04),
        ),
    ),
    meanings=(
        Figure(
            "temperature",
            Codes(term("MDC_TEMP_BODY"), Part("place"), _PLACES),
            (Unit("Cel"), Unit("[degF]")),
            0x01,
        ),
    ),
)
