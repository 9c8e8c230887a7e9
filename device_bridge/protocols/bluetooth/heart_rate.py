"""Heart Rate Measurement, 0x2A37.

Spec: Bluetooth SIG, Heart Rate Service 1.0, 3.1; GATT Specification Supplement

    flags   1 two octets of rate   2 contact, where 4 says that it is looked for
            8 energy   10 intervals between beats, in 1/1024 s, the oldest first
"""

from decimal import Decimal

from fhirserver_device_bridge.protocols.bluetooth.fields import FLAGS, Field, Layout
from fhirserver_device_bridge.protocols.bluetooth.meanings import (
    Characteristic,
    Codes,
    Doubt,
    Figure,
    Part,
    Unit,
)
from fhirserver_device_bridge.protocols.x20601.nomenclature import term

_NO_CONTACT = 0x04
_CONTACT = 0x06

MEASUREMENT = Characteristic(
    number=0x2A37,
    service=0x180D,
    device=term("MDC_DEV_SUB_SPEC_PROFILE_HR"),
    layout=Layout(
        known_flags=0x1F,
        fields=(
            Field("rate", "u8", absent_flag=0x01),
            Field("rate", "u16", 0x01),
            Field("energy", "u16", 0x08),
            Field("interval", "u16", 0x10, repeats=True),
        ),
    ),
    meanings=(
        Doubt(Part(FLAGS, mask=_CONTACT), _NO_CONTACT, "questionable"),
        Figure("rate", Codes(term("MDC_ECG_HEART_RATE")), (Unit("/min"),)),
        Figure("energy", Codes(term("MDC_HF_ENERGY")), (Unit("kJ"),)),
        Figure(
            "interval", Codes(term("MDC_ECG_TIME_PD_RR_GL")), (Unit("ms", Decimal(1000) / 1024),)
        ),
    ),
)
