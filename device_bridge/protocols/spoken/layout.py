"""What stands where in the lines of a device.

start       a line begins behind the last of these marks: what is before is noise
checksum    its digits stand at the end of the line, behind `mark`
ignore      lines that say nothing: banners and prompts
forms       what lines there are; the first that fits is taken
            separator: fields are numbered from 1        pattern: a regular expression; its groups
            are fields, by name and by number, wherever in the line it matches
when        texts that fields must have for a form to fit
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fhirserver_device_bridge.reading import Coding

Field = int | str
"""A field by its number, from 1, or by the name of a group."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One value of a line.

    Attributes:
        place: the field that it stands in.
        unit: of UCUM; None for a number without one, or for a text.
        absent: texts that mean "no value", such as "---"; an empty field means that anyway.
        states: texts that mean a concept.
    """

    code: Coding
    place: Field
    unit: str | None = None
    absent: frozenset[str] = frozenset()
    states: Mapping[str, Coding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the time stands: fields that are joined by spaces, and their format of strptime."""

    fields: tuple[Field, ...]
    format: str


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of line; `separator` or `pattern`, and the others as above.

    Attributes:
        patient: the field with the patient's number, in the system that the source calls "patient".
    """

    measures: tuple[Measure, ...]
    separator: str | None = None
    pattern: re.Pattern[str] | None = None
    when: Mapping[Field, str] = field(default_factory=dict)
    time: Clock | None = None
    patient: Field | None = None


@dataclass(frozen=True, slots=True)
class Checksum:
    """Its kind, as in `checksums`, and what stands before its digits; "" for nothing."""

    kind: str
    mark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A device's lines.

    Attributes:
        kind: what the device is, e.g. a scale.
        decimal: what stands before the decimals of a number.
    """

    name: str
    version: str
    forms: tuple[Form, ...]
    start: str = ""
    checksum: Checksum | None = None
    ignore: re.Pattern[str] | None = None
    decimal: str = "."
    kind: Coding | None = None
    manufacturer: str | None = None
    model: str | None = None
