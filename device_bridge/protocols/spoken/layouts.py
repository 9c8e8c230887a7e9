r"""Layouts of lines from files, in YAML, held against a schema and against what it cannot say.

    name: acme-oximeter
    version: "1"
    start: "$"
    checksum: {kind: xor, mark: "*"}
    forms:
      - separator: ","
        when: {1: SPO2}
        time: {fields: [2, 3], format: "%d.%m.%Y %H:%M:%S"}
        measures:
          - {field: 4, code: {code: "150456"}, unit: "%", absent: ["---"]}
      - pattern: 'weight +(?P<weight>\d+\.\d) kg'
        measures:
          - {field: weight, code: {code: "188736"}, unit: kg}

Codes are of MDC, unless a system is given. A fault is told with its line, before a port is opened.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from fhirserver_terminology import ucum

from fhirserver_device_bridge.config.checking import check
from fhirserver_device_bridge.config.document import ConfigError, Document
from fhirserver_device_bridge.config.kept_files import KeptFiles
from fhirserver_device_bridge.protocols.spoken.layout import Checksum, Clock, Form, Layout, Measure
from fhirserver_device_bridge.protocols.spoken.recording import SpokenError
from fhirserver_device_bridge.reading import MDC, Coding

_Place = tuple[str | int, ...]
_AS_THEY_STAND = ("start", "decimal", "manufacturer", "model")
_DAY_AND_TIME = (("%Y", "%y"), ("%m", "%b", "%B"), ("%d",), ("%H", "%I"), ("%M",))
"""Of each a format must have one: what has no day or minute cannot be placed."""


def line_layout_of(file: Path) -> Layout:
    """Give the layout of a file, as it was last sound.

    Raises:
        ConfigError: it cannot be read or used.
    """
    return LAYOUTS.get(file)


def _made(document: Document) -> Layout:
    check(document, files(__package__).joinpath("layout.schema.json").read_bytes())
    layout = _layout(document)
    for place, message in _faults(layout):
        raise document.error(place, message)
    return layout


LAYOUTS = KeptFiles(_made)
"""Layouts that are used."""


def line_layout_named(name: str | None) -> Layout:
    """Give the layout of a source.

    Raises:
        SpokenError: it has none, or one that cannot be used any more.
    """
    if name is None:
        raise SpokenError("the source has no layout of lines: give it `lines`")
    try:
        return line_layout_of(Path(name))
    except ConfigError as error:
        raise SpokenError(str(error)) from None


def _layout(document: Document) -> Layout:
    value = document.value
    return Layout(
        name=value["name"],
        version=value["version"],
        forms=tuple(_form(document, number) for number in range(len(value["forms"]))),
        checksum=Checksum(**value["checksum"]) if "checksum" in value else None,
        ignore=_pattern(document, ("ignore",), value.get("ignore")),
        kind=_coding(value["kind"]) if "kind" in value else None,
        **{name: value[name] for name in _AS_THEY_STAND if name in value},
    )


def _form(document: Document, number: int) -> Form:
    value = document.value["forms"][number]
    time = value.get("time")
    return Form(
        measures=tuple(map(_measure, value["measures"])),
        separator=value.get("separator"),
        pattern=_pattern(document, ("forms", number, "pattern"), value.get("pattern")),
        when=value.get("when", {}),
        time=Clock(tuple(time["fields"]), time["format"]) if time else None,
        patient=value.get("patient"),
    )


def _pattern(document: Document, place: _Place, text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise document.error(place, f"no regular expression: {error}") from None


def _measure(value: dict[str, Any]) -> Measure:
    return Measure(
        code=_coding(value["code"]),
        place=value["field"],
        unit=value.get("unit"),
        absent=frozenset(value.get("absent", ())),
        states={text: _coding(each) for text, each in value.get("states", {}).items()},
    )


def _coding(value: dict[str, str]) -> Coding:
    return Coding(value.get("system", MDC), value["code"], value.get("display"))


def _faults(layout: Layout) -> Iterator[tuple[_Place, str]]:
    for number, form in enumerate(layout.forms):
        place: _Place = ("forms", number)
        for index, measure in enumerate(form.measures):
            here = (*place, "measures", index)
            if measure.unit is not None and not ucum.validate(measure.unit):
                yield (*here, "unit"), f"{measure.unit!r} is no unit of UCUM"
            if measure.unit is not None and measure.states:
                yield (*here, "states"), "is a concept or a number with a unit: leave one away"
            if not _has(form, measure.place):
                yield (*here, "field"), _NO_FIELD
        if form.patient is not None and not _has(form, form.patient):
            yield (*place, "patient"), _NO_FIELD
        if not all(_has(form, each) for each in form.when):
            yield (*place, "when"), _NO_FIELD
        if form.time is not None:
            yield from _clock_faults(form, form.time, (*place, "time"))


_NO_FIELD = "the form has no such field: number those of a separator, name or number groups"


def _clock_faults(form: Form, clock: Clock, place: _Place) -> Iterator[tuple[_Place, str]]:
    if not all(_has(form, each) for each in clock.fields):
        yield (*place, "fields"), _NO_FIELD
    if not all(any(each in clock.format for each in one) for one in _DAY_AND_TIME):
        yield (*place, "format"), "names a year, month, day, hour and minute, such as %Y%m%d%H%M%S"


def _has(form: Form, field: int | str) -> bool:
    if form.pattern is None:
        return isinstance(field, int)
    return field in form.pattern.groupindex or field in range(1, form.pattern.groups + 1)
