"""Maps of registers from files, in YAML, held against a schema and against what it cannot say.

    name: acme-ventilator
    version: "1"
    first_address: 1              the manual's addresses begin at 1
    measures:
      - code: {code: "151562", display: MDC_RESP_RATE}     of MDC, unless a system is given
        {table: input, address: 12, type: int16, scale: "0.1", unit: /min, absent: [0x8000]}

A fault is told with its line, before anything is asked. Maps that are shipped have names
(`source.REGISTERS`) and are files of the same form in `maps/`.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fhirserver_terminology import ucum

from fhirserver_device_bridge.config.checking import check
from fhirserver_device_bridge.config.document import ConfigError, parse, read_document
from fhirserver_device_bridge.protocols.modbus.errors import ModbusError
from fhirserver_device_bridge.protocols.modbus.layout import AlarmBit, Heartbeat, Layout, Measure
from fhirserver_device_bridge.reading import MDC, Coding
from fhirserver_device_bridge.source import REGISTERS

_Fault = tuple[tuple[str | int, ...], str]
_BITS = ("coil", "discrete")
_LAST = 65536


@lru_cache(maxsize=64)
def layout_of(name: str) -> Layout:
    """Give a layout, read once: one that is shipped by its name, or that of a file by its path.

    Raises:
        ConfigError: it cannot be read or used.
    """
    file = Path(name)
    document = parse(file, shipped_text(name)) if name in REGISTERS else read_document(file)
    check(document, files(__package__).joinpath("layout.schema.json").read_bytes())
    layout = _layout(document.value)
    for place, message in _faults(layout):
        raise document.error(place, message)
    return layout


def shipped_text(name: str) -> str:
    """Give the text of a map that is shipped."""
    return files(__package__).joinpath("maps", f"{name}.yaml").read_text("utf-8")


def layout_named(name: str | None) -> Layout:
    """Give the layout of a source.

    Raises:
        ModbusError: it has none, or one that cannot be used any more.
    """
    if name is None:
        raise ModbusError("the source has no map of registers: give it `registers`")
    try:
        return layout_of(name)
    except ConfigError as error:
        raise ModbusError(str(error)) from None


def _layout(value: dict[str, Any]) -> Layout:
    base = value.get("first_address", 0)
    orders: dict[str, Any] = {name: value[name] for name in ("words", "bytes") if name in value}
    beat = value.get("heartbeat")
    given = {name: value[name] for name in ("manufacturer", "model", "gap") if name in value}
    return Layout(
        name=value["name"],
        version=value["version"],
        measures=tuple(_measure({**orders, **each}, base) for each in value["measures"]),
        kind=_coding(value["kind"]) if "kind" in value else None,
        heartbeat=Heartbeat(**{**beat, "address": beat["address"] - base}) if beat else None,
        **given,
    )


def _measure(value: dict[str, Any], base: int) -> Measure:
    kind = "bool" if value["table"] in _BITS else "uint16"
    given = {name: _READ[name](part) if name in _READ else part for name, part in value.items()}
    return Measure(**{"type": kind, **given, "address": value["address"] - base})


def _codings(value: dict[int, dict[str, str]]) -> dict[int, Coding]:
    return {number: _coding(each) for number, each in value.items()}


def _alarms(value: dict[int, dict[str, Any]]) -> dict[int, AlarmBit]:
    return {
        number: AlarmBit(**{**each, "code": _coding(each["code"])})
        for number, each in value.items()
    }


def _coding(value: dict[str, str]) -> Coding:
    return Coding(value.get("system", MDC), value["code"], value.get("display"))


_READ: dict[str, Callable[[Any], Any]] = {
    "code": _coding,
    "scale": Decimal,
    "offset": Decimal,
    "absent": frozenset,
    "states": _codings,
    "bits": _codings,
    "alarms": _alarms,
}
"""How the parts of a measure are read; others stand as they are."""


def _faults(layout: Layout) -> Iterator[_Fault]:
    for number, each in enumerate(layout.measures):
        place = ("measures", number)
        if not 0 <= each.address <= _LAST - each.width:
            yield (*place, "address"), "is not within the 65536 addresses of its table"
        if (each.table in _BITS) != (each.type == "bool"):
            yield (*place, "table"), "coils and discrete inputs are bool, registers are not"
        if each.scale == 0:
            yield (*place, "scale"), "is not 0: a number times 0 says nothing"
        if each.unit is not None and not ucum.validate(each.unit):
            yield (*place, "unit"), f"{each.unit!r} is no unit of UCUM"
        yield from ((place + more, message) for more, message in _faults_of_bits(each))


def _faults_of_bits(measure: Measure) -> Iterator[_Fault]:
    most = 1 if measure.type == "bool" else 16 * measure.width
    for name, bits in (("bits", measure.bits), ("alarms", measure.alarms)):
        if any(bit >= most for bit in bits) or (bits and measure.states):
            yield (name,), "bits are within the registers, and have no states beside them"
    if set(measure.bits) & set(measure.alarms):
        yield ("alarms",), "a bit is an answer or an alarm; take it from bits"
