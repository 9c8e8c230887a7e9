"""Glucose Measurement, 0x2A18, and Glucose Measurement Context, 0x2A34.

Spec: Bluetooth SIG, Glucose Service 1.0, 3.1 and 3.2; GATT Specification Supplement

    flags of 18   1 time offset   2 concentration, type and location   4 mol/L, else kg/L
                  8 status of the sensor   10 a context follows
    flags of 34   1 carbohydrate   2 meal   4 tester and health   8 exercise   10 medication
                  20 litres of it, else kilograms   40 HbA1c   80 more flags (none is defined)

The time is that of the base and the offset in minutes. A context has none: its measurement, of the
same sequence number, tells it. Base units become those in which people read: kg/L is written in
mg/dL, mol/L in mmol/L, kg of food in g, of medication in mg, L in mL; no digit changes.
"""

from decimal import Decimal

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
from fhirserver_device_bridge.reading import Coding

_SERVICE = 0x1808
_DEVICE = term("MDC_DEV_SPEC_PROFILE_GLUCOSE")
_LOW, _HIGH = (0, 0x0F), (4, 0x0F)
_NOT_SAID = 15


def _terms(prefix: str, *names: str) -> dict[int, Coding]:
    """Number terms from 1 on, as the specification does."""
    return {number: term(prefix + name) for number, name in enumerate(names, 1)}


_FLUIDS = _terms(
    "MDC_CONC_GLU_",
    "CAPILLARY_WHOLEBLOOD",
    "CAPILLARY_PLASMA",
    "VENOUS_WHOLEBLOOD",
    "VENOUS_PLASMA",
    "ARTERIAL_WHOLEBLOOD",
    "ARTERIAL_PLASMA",
    "UNDETERMINED_WHOLEBLOOD",
    "UNDETERMINED_PLASMA",
    "ISF",
    "CONTROL",
)
_LOCATIONS = _terms(
    "MDC_CTXT_GLU_SAMPLELOCATION_", "FINGER", "AST", "EARLOBE", "CTRLSOLUTION"
)  # fmt: skip
_FOOD = _terms(
    "MDC_CTXT_GLU_CARB_", "BREAKFAST", "LUNCH", "DINNER", "SNACK", "DRINK", "SUPPER", "BRUNCH"
)
_MEALS = _terms("MDC_CTXT_GLU_MEAL_", "PREPRANDIAL", "POSTPRANDIAL", "FASTING", "CASUAL", "BEDTIME")
_TESTERS = _terms("MDC_CTXT_GLU_TESTER_", "SELF", "HCP", "LAB")
_HEALTH = _terms("MDC_CTXT_GLU_HEALTH_", "MINOR", "MAJOR", "MENSES", "STRESS", "NONE")
_MEDICATIONS = _terms(
    "MDC_CTXT_MEDICATION_",
    "RAPIDACTING",
    "SHORTACTING",
    "INTERMEDIATEACTING",
    "LONGACTING",
    "PREMIX",
)


def _choice(part: Part, code: str, options: dict[int, Coding]) -> Choice:
    return Choice(part, term(code), {**options, _NOT_SAID: None})


MEASUREMENT = Characteristic(
    number=0x2A18,
    service=_SERVICE,
    device=_DEVICE,
    layout=Layout(
        known_flags=0x1F,
        fields=(
            Field("sequence", "u16"),
            Field("time", "time"),
            Field("offset", "i16", 0x01),
            Field("concentration", "sfloat", 0x02),
            Field("sample", "u8", 0x02),
            Field("status", "u16", 0x08),
        ),
    ),
    meanings=(
        Figure(
            "concentration",
            Codes(term("MDC_CONC_GLU_GEN"), Part("sample", *_LOW), _FLUIDS),
            (Unit("mg/dL", Decimal("1E+5")), Unit("mmol/L", Decimal("1E+3"))),
            0x04,
        ),
        _choice(Part("sample", *_HIGH), "MDC_CTXT_GLU_SAMPLELOCATION", _LOCATIONS),
        Bits(
            Part("status", mask=0xF7FF),
            term("MDC_GLU_METER_DEV_STATUS"),
            {bit: bit for bit in range(11)},
        ),
    ),
    clock_fault=Part("status", mask=0x0800),
)

CONTEXT = Characteristic(
    number=0x2A34,
    service=_SERVICE,
    device=_DEVICE,
    layout=Layout(
        known_flags=0xFF,
        fields=(
            Field("sequence", "u16"),
            Field("more flags", "u8", 0x80, must_be=0),
            Field("food", "u8", 0x01),
            Field("carbohydrate", "sfloat", 0x01),
            Field("meal", "u8", 0x02),
            Field("tester", "u8", 0x04),
            Field("exercise", "u16", 0x08),
            Field("intensity", "u8", 0x08),
            Field("medication", "u8", 0x10),
            Field("amount", "sfloat", 0x10),
            Field("hba1c", "sfloat", 0x40),
        ),
    ),
    meanings=(
        Figure(
            "carbohydrate",
            Codes(term("MDC_CTXT_GLU_CARB"), Part("food"), _FOOD),
            (Unit("g", Decimal("1E+3")),),
        ),
        _choice(Part("meal"), "MDC_CTXT_GLU_MEAL", _MEALS),
        _choice(Part("tester", *_LOW), "MDC_CTXT_GLU_TESTER", _TESTERS),
        _choice(Part("tester", *_HIGH), "MDC_CTXT_GLU_HEALTH", _HEALTH),
        Figure(
            "intensity",
            Codes(term("MDC_CTXT_GLU_EXERCISE")),
            (Unit("%"),),
            duration=Part("exercise"),
        ),
        Figure(
            "amount",
            Codes(term("MDC_CTXT_MEDICATION"), Part("medication"), _MEDICATIONS),
            (Unit("mg", Decimal("1E+6")), Unit("mL", Decimal("1E+3"))),
            0x20,
        ),
        Figure("hba1c", Codes(term("MDC_CONC_HBA1C")), (Unit("%"),)),
    ),
    dated_by=MEASUREMENT.number,
)
