r"""A haematology analyzer that sends results by ASTM E1394; the same seed says the same.

Spec: ASTM E1394-97, chapters 6 to 13

    H|\^&|||Simulator^1|…|time       one message a specimen
    P|1|patient                      P.3, where there is one
    O|1|specimen||^^^CBC
    R|n|^^^WBC|6.1|10*3/uL|…         one for each test
    L|1|N
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Assay:
    """What is measured: its code, unit, and between which values it lies in which steps."""

    code: str
    unit: str
    low: Decimal
    high: Decimal
    step: Decimal


ASSAYS = tuple(
    Assay(code, unit, *map(Decimal, bounds.split()))
    for code, unit, bounds in (
        ("WBC", "10*3/uL", "3.5 11.0 0.1"),
        ("RBC", "10*6/uL", "3.80 5.90 0.01"),
        ("HGB", "g/dL", "11.5 17.5 0.1"),
        ("PLT", "10*3/uL", "150 400 1"),
    )
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One message.

    Attributes:
        specimen: its number.
        at: when it was measured, by the analyzer's clock.
        values: by code of the test, as sent.
        records: the whole, each with its CR.
    """

    specimen: str
    at: datetime
    values: dict[str, str]
    records: tuple[bytes, ...]


def samples(seed: int, count: int, start: datetime, patient: str) -> Iterator[Sample]:
    """Make the messages of one analyzer, a minute of its time apart.

    Args:
        seed: also stands in the numbers of specimens.
        count: how many.
        start: time of the first; sent without an offset, as analyzers do.
        patient: P.3; "" for a message that names only specimens.
    """
    # Measurements of nobody; no secret hangs on them.
    chance = random.Random(seed)  # noqa: S311
    for number in range(1, count + 1):
        at = start + timedelta(minutes=number - 1)
        specimen = f"SIM{seed}-{number}"
        values = {test.code: str(_drawn(chance, test)) for test in ASSAYS}
        yield Sample(specimen, at, values, _written(specimen, patient, at, values))


def _drawn(chance: random.Random, test: Assay) -> Decimal:
    return test.low + test.step * chance.randint(0, int((test.high - test.low) / test.step))


def _written(
    specimen: str, patient: str, at: datetime, values: dict[str, str]
) -> tuple[bytes, ...]:
    time = f"{at:%Y%m%d%H%M%S}"
    results = (
        f"R|{number}|^^^{test.code}|{values[test.code]}|{test.unit}|{test.low} to {test.high}"
        f"|N||F||||{time}"
        for number, test in enumerate(ASSAYS, 1)
    )
    records = (
        f"H|\\^&|||Simulator^1|||||||P|E1394-97|{time}",
        f"P|1|{patient}",
        f"O|1|{specimen}||^^^CBC|R",
        *results,
        "L|1|N",
    )
    return tuple(f"{each}\r".encode("ascii") for each in records)
