"""PLX Spot-Check Measurement, 0x2A5E, and PLX Continuous Measurement, 0x2A5F.

Spec: Bluetooth SIG, Pulse Oximeter Service 1.0, 3.1 and 3.2; GATT Specification Supplement

    flags of 5E   1 time   2 measurement status   4 status of the sensor   8 pulse amplitude
                  10 the clock is not set
    flags of 5F   1 fast   2 slow   4 measurement status   8 status of the sensor
                  10 pulse amplitude

Bit n of the sensor's status is bit 15 - n of MDC_PULS_OXIM_DEV_STATUS.
"""

from fhirserver_device_bridge.protocols.bluetooth.fields import FLAGS, Field, Layout
from fhirserver_device_bridge.protocols.bluetooth.meanings import (
    Bits,
    Characteristic,
    Codes,
    Doubt,
    Figure,
    Meaning,
    Part,
    Unit,
)
from fhirserver_device_bridge.protocols.x20601.nomenclature import term
from fhirserver_device_bridge.reading import Flag

_SERVICE = 0x1822
_DEVICE = term("MDC_DEV_SPEC_PROFILE_PULS_OXIM")
_SATURATION = Codes(term("MDC_PULS_OXIM_SAT_O2"))
_RATE = Codes(term("MDC_PULS_OXIM_PULS_RATE"))
_STATUS: dict[int, Flag] = {
    5: "ongoing",
    6: "early-estimate",
    7: "validated",
    10: "demo",
    11: "test",
    12: "calibrating",
    13: "not-available",
    14: "questionable",
    15: "invalid",
}
"""Bits of the measurement status; 8 (fully qualified) and 9 (stored) change nothing here."""


def _pair(suffix: str, modality: str | None) -> tuple[Figure, Figure]:
    kinds = (term(modality),) if modality else ()
    return (
        Figure(f"saturation{suffix}", _SATURATION, (Unit("%"),), supplemental=kinds),
        Figure(f"rate{suffix}", _RATE, (Unit("/min"),), supplemental=kinds),
    )


_SAID_OF_IT: tuple[Meaning, ...] = (
    Figure("amplitude", Codes(term("MDC_PULS_OXIM_PERF_REL")), (Unit("%"),)),
    Bits(Part("sensor"), term("MDC_PULS_OXIM_DEV_STATUS"), {bit: 15 - bit for bit in range(16)}),
    *(Doubt(Part("status", bit, 1), 1, flag) for bit, flag in _STATUS.items()),
)

SPOT_CHECK = Characteristic(
    number=0x2A5E,
    service=_SERVICE,
    device=_DEVICE,
    layout=Layout(
        known_flags=0x1F,
        fields=(
            Field("saturation", "sfloat"),
            Field("rate", "sfloat"),
            Field("time", "time", 0x01),
            Field("status", "u16", 0x02),
            Field("sensor", "u24", 0x04),
            Field("amplitude", "sfloat", 0x08),
        ),
    ),
    meanings=(*_pair("", "MDC_MODALITY_SPOT"), *_SAID_OF_IT),
    clock_fault=Part(FLAGS, mask=0x10),
)

CONTINUOUS = Characteristic(
    number=0x2A5F,
    service=_SERVICE,
    device=_DEVICE,
    layout=Layout(
        known_flags=0x1F,
        fields=(
            Field("saturation", "sfloat"),
            Field("rate", "sfloat"),
            Field("saturation-fast", "sfloat", 0x01),
            Field("rate-fast", "sfloat", 0x01),
            Field("saturation-slow", "sfloat", 0x02),
            Field("rate-slow", "sfloat", 0x02),
            Field("status", "u16", 0x04),
            Field("sensor", "u24", 0x08),
            Field("amplitude", "sfloat", 0x10),
        ),
    ),
    meanings=(
        *_pair("", None),
        *_pair("-fast", "MDC_MODALITY_FAST"),
        *_pair("-slow", "MDC_MODALITY_SLOW"),
        *_SAID_OF_IT,
    ),
)
