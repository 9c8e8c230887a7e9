"""Chance that can be repeated: one stream of random numbers for each subject."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

EPOCH = datetime(2025, 6, 30, tzinfo=UTC)
"""The day on which every sample record ends; a constant, so that records never move."""


class Chance(Random):
    """A seeded generator with the draws that records need."""

    def __init__(self, *parts: object) -> None:
        super().__init__("/".join(str(part) for part in parts))

    def id(self) -> str:
        """Draw a UUID."""
        return str(uuid.UUID(int=self.getrandbits(128), version=4))

    def number(self, mean: float, deviation: float, low: float, high: float, step: str) -> Decimal:
        """Draw a normally distributed number, kept within bounds, as precise as `step`."""
        value = min(max(self.gauss(mean, deviation), low), high)
        return Decimal(value).quantize(Decimal(step))

    def moment(self, start: datetime, end: datetime) -> datetime:
        """Draw a moment of working hours on a day between two days."""
        day = start + timedelta(days=self.randrange(max((end - start).days, 1)))
        return day.replace(hour=self.randrange(8, 18), minute=self.randrange(0, 60, 5))

    def happens(self, probability: float) -> bool:
        """Draw whether something happens."""
        return self.random() < probability


def instant(moment: datetime) -> str:
    """Write a moment as a FHIR dateTime in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def day(moment: datetime) -> str:
    """Write a moment as a FHIR date."""
    return moment.strftime("%Y-%m-%d")
