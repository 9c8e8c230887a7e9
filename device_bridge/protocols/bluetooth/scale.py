"""Weight Measurement, 0x2A9D, and Body Composition Measurement, 0x2A9C.

Spec: Bluetooth SIG, Weight Scale Service 1.0, 3.2; Body Composition Service 1.0, 3.2; GATT
Specification Supplement

    flags of 9D   1 pounds and inches, else kilograms and metres   2 time   4 user
                  8 body mass index and height
    flags of 9C   1 2 4 as above   8 basal metabolism   10 muscle percentage   20 muscle mass
                  40 fat free mass   80 soft lean mass   100 body water   200 impedance
                  400 weight   800 height   1000 in several packets

A mass is in 0.005 kg or 0.01 lb, a height in 0.001 m or 0.1 in, whatever the resolution that the
device's features give. 0xFFFF for the first figure: the measurement did not succeed.
"""

from decimal import Decimal

from fhirserver_device_bridge.protocols.bluetooth.fields import Field, Layout
from fhirserver_device_bridge.protocols.bluetooth.meanings import (
    Characteristic,
    Codes,
    Figure,
    Unit,
)
from fhirserver_device_bridge.protocols.x20601.nomenclature import term
from fhirserver_device_bridge.reading import Coding

OWN = "bluetooth"
"""Name of the system of codes for what IEEE 11073-10101 has no term for."""

_IMPERIAL = 0x01
_TENTH = Decimal("0.1")
_MASS = (Unit("kg", Decimal("0.005")), Unit("[lb_av]", Decimal("0.01")))
_HEIGHT = (Unit("cm", _TENTH), Unit("[in_i]", _TENTH))
_PERCENT = (Unit("%", _TENTH),)
_FAILED = frozenset({0xFFFF})
_DEVICE = term("MDC_DEV_SPEC_PROFILE_SCALE")
_WEIGHT = Codes(term("MDC_MASS_BODY_ACTUAL"))
_TALL = Figure("height", Codes(term("MDC_LEN_BODY_ACTUAL")), _HEIGHT, _IMPERIAL)


def _own(code: str, display: str) -> Codes:
    return Codes(Coding(OWN, code, display))


WEIGHT = Characteristic(
    number=0x2A9D,
    service=0x181D,
    device=_DEVICE,
    layout=Layout(
        known_flags=0x0F,
        fields=(
            Field("weight", "u16"),
            Field("time", "time", 0x02),
            Field("user", "u8", 0x04),
            Field("index", "u16", 0x08),
            Field("height", "u16", 0x08),
        ),
    ),
    meanings=(
        Figure("weight", _WEIGHT, _MASS, _IMPERIAL, none=_FAILED),
        Figure("index", Codes(term("MDC_RATIO_MASS_BODY_LEN_SQ")), (Unit("kg/m2", _TENTH),)),
        _TALL,
    ),
)

BODY_COMPOSITION = Characteristic(
    number=0x2A9C,
    service=0x181B,
    device=_DEVICE,
    layout=Layout(
        flags_size=2,
        known_flags=0x1FFF,
        fields=(
            Field("fat", "u16"),
            Field("time", "time", 0x0002),
            Field("user", "u8", 0x0004),
            Field("basal-metabolism", "u16", 0x0008),
            Field("muscle-percentage", "u16", 0x0010),
            Field("muscle-mass", "u16", 0x0020),
            Field("fat-free-mass", "u16", 0x0040),
            Field("soft-lean-mass", "u16", 0x0080),
            Field("water-mass", "u16", 0x0100),
            Field("impedance", "u16", 0x0200),
            Field("weight", "u16", 0x0400),
            Field("height", "u16", 0x0800),
        ),
    ),
    meanings=(
        Figure("fat", Codes(term("MDC_BODY_FAT")), _PERCENT, none=_FAILED),
        Figure(
            "basal-metabolism", _own("basal-metabolism", "Basal metabolism of a day"), (Unit("kJ"),)
        ),
        Figure("muscle-percentage", _own("muscle-percentage", "Muscle percentage"), _PERCENT),
        Figure("muscle-mass", _own("muscle-mass", "Muscle mass"), _MASS, _IMPERIAL),
        Figure("fat-free-mass", Codes(term("MDC_MASS_BODY_FAT_FREE")), _MASS, _IMPERIAL),
        Figure("soft-lean-mass", Codes(term("MDC_MASS_BODY_SOFT_LEAN")), _MASS, _IMPERIAL),
        Figure("water-mass", Codes(term("MDC_BODY_WATER")), _MASS, _IMPERIAL),
        Figure("impedance", _own("impedance", "Impedance of the body"), (Unit("Ohm", _TENTH),)),
        Figure("weight", _WEIGHT, _MASS, _IMPERIAL),
        _TALL,
    ),
)
