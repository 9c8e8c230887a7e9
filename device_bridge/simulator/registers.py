"""A device with registers that plays a map; the same seed says the same. Pure.

numbers    walk at random between what is plausible for their MDC code, or from 10 to 100
states     change now and then to another that the map names
bits       begin seldom, and end soon
heartbeat  goes on by one with each step
"""

import random
from collections.abc import Iterable
from decimal import Decimal

from fhirserver_device_bridge.protocols.modbus.frames import Table
from fhirserver_device_bridge.protocols.modbus.layout import Layout, Measure
from fhirserver_device_bridge.protocols.modbus.values import bits_for, registers_of

_Bounds = tuple[Decimal, Decimal, Decimal]

_PLAUSIBLE: dict[str, _Bounds] = {
    code: (Decimal(low), Decimal(high), Decimal(step))
    for code, low, high, step in (
        ("147842", "55", "110", "1"),
        ("149530", "55", "110", "1"),
        ("150021", "100", "150", "1"),
        ("150022", "60", "90", "1"),
        ("150023", "75", "105", "1"),
        ("150344", "36.0", "38.5", "0.1"),
        ("150456", "91", "100", "1"),
        ("151562", "10", "24", "1"),
        ("151586", "12", "20", "1"),
        ("151784", "15", "25", "0.5"),
        ("151819", "8", "14", "0.5"),
        ("151880", "5.0", "9.0", "0.1"),
        ("151957", "18", "30", "0.5"),
        ("151976", "5", "10", "0.5"),
        ("151980", "400", "550", "5"),
        ("157784", "2.0", "10.0", "0.1"),
        ("157872", "5.0", "45.0", "0.1"),
        ("157993", "5.0", "45.0", "0.1"),
    )
}
"""Lowest, highest, step, of an adult, in the unit of the shipped maps."""

_OTHERS: _Bounds = (Decimal(10), Decimal(100), Decimal(1))
_CHANGES, _BEGINS, _ENDS = 0.05, 0.03, 0.3


_Value = Decimal | int
"""A number as measured; the number of a state; bits."""


class PlayedDevice:
    """One device.

    Attributes:
        registers: what stands where, by table and address.
    """

    def __init__(self, layout: Layout, seed: int) -> None:
        # Measurements of nobody; no secret hangs on them.
        self._chance = random.Random(seed)  # noqa: S311
        self._layout = layout
        self._values = [_first(self._chance, each) for each in layout.measures]
        self._beats = 0
        self.registers: dict[Table, dict[int, int]] = {}
        self._write()

    def step(self) -> None:
        """Measure anew."""
        self._beats = (self._beats + 1) % 0x10000
        pairs = zip(self._layout.measures, self._values, strict=True)
        self._values = [_next(self._chance, measure, value) for measure, value in pairs]
        self._write()

    def _write(self) -> None:
        for measure, value in zip(self._layout.measures, self._values, strict=True):
            self._put(measure.table, measure.address, _written(measure, value))
        beat = self._layout.heartbeat
        if beat is not None:
            self._put(beat.table, beat.address, (self._beats,))

    def _put(self, table: Table, address: int, registers: Iterable[int]) -> None:
        self.registers.setdefault(table, {}).update(enumerate(registers, address))


def _first(chance: random.Random, measure: Measure) -> _Value:
    if measure.states:
        return chance.choice(sorted(measure.states))
    if _bits(measure):
        return 0
    low, high, step = _bounds(measure)
    return low + step * chance.randint(0, int((high - low) / step))


def _next(chance: random.Random, measure: Measure, value: _Value) -> _Value:
    if measure.states:
        return chance.choice(sorted(measure.states)) if chance.random() < _CHANGES else value
    if _bits(measure):
        return sum(_flag(chance, int(value) >> bit & 1) << bit for bit in _bits(measure))
    low, high, step = _bounds(measure)
    return min(high, max(low, value + step * chance.choice((-1, 0, 1))))


def _flag(chance: random.Random, is_set: int) -> int:
    return int(chance.random() >= _ENDS if is_set else chance.random() < _BEGINS)


def _written(measure: Measure, value: _Value) -> tuple[int, ...]:
    if measure.type == "bool":
        return (int(value),)
    bits = bits_for(value, measure) if isinstance(value, Decimal) else value
    return registers_of(bits, measure)


def _bits(measure: Measure) -> tuple[int, ...]:
    return (0,) if measure.type == "bool" else (*measure.bits, *measure.alarms)


def _bounds(measure: Measure) -> _Bounds:
    return _PLAUSIBLE.get(measure.code.code, _OTHERS)
