"""Blood Pressure Measurement, 0x2A35.

Spec: Bluetooth SIG, Blood Pressure Service 1.1, 3.1; GATT Specification Supplement

    flags   1 kPa, else mmHg   2 time   4 pulse rate   8 user   10 measurement status
    status  0 body movement   1 cuff too loose   2 irregular pulse   3-4 range of the pulse rate
            5 improper position of the arm
"""

from fhirserver_device_bridge.protocols.bluetooth.fields import Field, Layout
from fhirserver_device_bridge.protocols.bluetooth.meanings import (
    Bits,
    Characteristic,
    Choice,
    Codes,
    Figure,
    Part,
    Unit,
)
from fhirserver_device_bridge.protocols.x20601.nomenclature import term
from fhirserver_device_bridge.protocols.x20601.values import BITS
from fhirserver_device_bridge.reading import Coding

_KPA = 0x01
_PANEL = term("MDC_PRESS_BLD_NONINV")
_STATUS = term("MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS")


def _pressure(field: str, name: str) -> Figure:
    units = (Unit("mm[Hg]"), Unit("kPa"))
    return Figure(field, Codes(term(name)), units, _KPA, compound=_PANEL)


MEASUREMENT = Characteristic(
    number=0x2A35,
    service=0x1810,
    device=term("MDC_DEV_SPEC_PROFILE_BP"),
    layout=Layout(
        known_flags=0x1F,
        fields=(
            Field("systolic", "sfloat"),
            Field("diastolic", "sfloat"),
            Field("mean", "sfloat"),
            Field("time", "time", 0x02),
            Field("pulse-rate", "sfloat", 0x04),
            Field("user", "u8", 0x08),
            Field("status", "u16", 0x10),
        ),
    ),
    meanings=(
        _pressure("systolic", "MDC_PRESS_BLD_NONINV_SYS"),
        _pressure("diastolic", "MDC_PRESS_BLD_NONINV_DIA"),
        _pressure("mean", "MDC_PRESS_BLD_NONINV_MEAN"),
        Figure("pulse-rate", Codes(term("MDC_PULS_RATE_NON_INV")), (Unit("/min"),)),
        Bits(Part("status", mask=0xFFE7), _STATUS, {0: 0, 1: 1, 2: 2, 5: 5}),
        Choice(
            Part("status", 3, 0b11),
            _STATUS,
            {
                0: None,
                1: Coding(BITS, f"{_STATUS.code}.3"),
                2: Coding(BITS, f"{_STATUS.code}.4"),
            },
        ),
    ),
)
