"""A patient monitor that sends PCD-01 messages; the same seed says the same.

Spec: IHE Devices Technical Framework volume 2, section 3.1 (ORU^R01 of PCD-01)

Values walk at random around those of a resting adult, within what a body can do.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

_BEATS, _PERCENT = "264864^MDC_DIM_BEAT_PER_MIN^MDC", "262688^MDC_DIM_PERCENT^MDC"
_BREATHS, _MMHG = "264928^MDC_DIM_RESP_PER_MIN^MDC", "266016^MDC_DIM_MMHG^MDC"
_CELSIUS = "268192^MDC_DIM_DEGC^MDC"

_PROFILE = "||UNICODE UTF-8|||IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO"
_DEVICES = (
    ("69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC", "1.0.0.0"),
    ("69798^MDC_DEV_ECG_VMD^MDC", "1.1.0.0"),
    ("69642^MDC_DEV_ANALY_SAT_O2_VMD^MDC", "1.2.0.0"),
    ("70686^MDC_DEV_PRESS_BLD_NONINV_VMD^MDC", "1.3.0.0"),
    ("70687^MDC_DEV_PRESS_BLD_NONINV_CHAN^MDC", "1.3.1.0"),
    ("69902^MDC_DEV_METER_TEMP_VMD^MDC", "1.4.0.0"),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured: OBX-3, OBX-4, OBX-6, and between which values it walks in which steps."""

    code: str
    place: str
    unit: str
    low: Decimal
    high: Decimal
    step: Decimal


METRICS = tuple(
    Metric(code, place, unit, *map(Decimal, bounds.split()))
    for code, place, unit, bounds in (
        ("147842^MDC_ECG_HEART_RATE^MDC", "1.1.1.1", _BEATS, "55 110 1"),
        ("151562^MDC_RESP_RATE^MDC", "1.1.1.2", _BREATHS, "10 24 1"),
        ("150456^MDC_PULS_OXIM_SAT_O2^MDC", "1.2.1.1", _PERCENT, "91 100 1"),
        ("149530^MDC_PULS_OXIM_PULS_RATE^MDC", "1.2.1.2", _BEATS, "55 110 1"),
        ("150021^MDC_PRESS_BLD_NONINV_SYS^MDC", "1.3.1.1", _MMHG, "100 150 1"),
        ("150022^MDC_PRESS_BLD_NONINV_DIA^MDC", "1.3.1.2", _MMHG, "60 90 1"),
        ("150023^MDC_PRESS_BLD_NONINV_MEAN^MDC", "1.3.1.3", _MMHG, "75 105 1"),
        ("150344^MDC_TEMP^MDC", "1.4.1.1", _CELSIUS, "36.0 38.5 0.1"),
    )
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: MSH-10, and the whole as bytes."""

    control_id: str
    raw: bytes


def messages(seed: int, count: int, start: datetime, patient: str) -> Iterator[Message]:
    """Make the messages of one monitor, a second of its time apart.

    Args:
        seed: also makes the monitor's EUI-64.
        count: how many.
        start: time of the first, aware.
        patient: PID-3 as it is to stand there, e.g. "12345^^^Hospital^MR".
    """
    # Measurements of nobody; no secret hangs on them.
    chance = random.Random(seed)  # noqa: S311
    device = f"{0x00A0370000000000 + seed % 2**32:016X}"
    values = [chance.choice(_between(metric)) for metric in METRICS]
    for number in range(1, count + 1):
        at = start + timedelta(seconds=number - 1)
        control_id = f"SIM{seed}-{at:%Y%m%d%H%M%S}-{number}"
        yield Message(control_id, _written(control_id, device, patient, at, values))
        values = [_walked(chance, *each) for each in zip(METRICS, values, strict=True)]


def _written(
    control_id: str, device: str, patient: str, at: datetime, values: list[Decimal]
) -> bytes:
    sender = f"Simulator^{device}^EUI-64"
    time = f"{at:%Y%m%d%H%M%S%z}"
    named = f"{device}^Simulator^{device}^EUI-64"
    order = f"{control_id}^{sender}"
    metrics = ((metric.code, metric.place, metric.unit) for metric in METRICS)
    segments = [
        f"MSH|^~\\&|{sender}|Simulator|||{time}||ORU^R01^ORU_R01|{control_id}|P|2.6|||AL|NE{_PROFILE}",
        f"PID|||{patient}",
        "PV1||I|Ward^1^1",
        f"OBR|1|{order}|{order}|182777000^monitoring of patient^SCT|||{time}",
        *(
            f"OBX|{number}||{code}|{place}|||||||X{f'|||||||{named}' if number == 1 else ''}"
            for number, (code, place) in enumerate(_DEVICES, 1)
        ),
        *(
            f"OBX|{number}|NM|{code}|{place}|{value:f}|{unit}|||||R|||{time}||||{named}"
            for number, ((code, place, unit), value) in enumerate(
                zip(metrics, values, strict=True), len(_DEVICES) + 1
            )
        ),
    ]
    return "".join(f"{segment}\r" for segment in segments).encode("utf-8")


def _walked(chance: random.Random, metric: Metric, value: Decimal) -> Decimal:
    moved = value + metric.step * chance.choice((-1, 0, 1))
    return min(metric.high, max(metric.low, moved))


def _between(metric: Metric) -> list[Decimal]:
    steps = int((metric.high - metric.low) / metric.step)
    return [metric.low + metric.step * number for number in range(steps + 1)]
