"""Results of a laboratory as readings, to be held against critical limits. Pure.

Spec: HL7 v2.6 chapter 7, ORU^R01

They are charted by a mapping (`v2fhir`). OBX-4 tells results apart here and names no device; each
repetition of OBX-5 is a value.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from fhirserver_device_bridge.protocols.hl7v2.containment import Place
from fhirserver_device_bridge.protocols.hl7v2.groups import Group, Row, groups
from fhirserver_device_bridge.protocols.hl7v2.message import Message, Segment
from fhirserver_device_bridge.protocols.hl7v2.observation import Frame, Observations
from fhirserver_device_bridge.reading import Reading, Rejected


def results(message: Message, frame: Frame) -> list[Reading | Rejected]:
    """Read every value of a message.

    Args:
        message: ORU^R01.
        frame: what they share.
    """
    found: list[Reading | Rejected] = []
    for group in groups(message):
        rows = [
            Row(obx, Place(("1",), str(number)))
            for number, obx in enumerate(value for row in group.rows for value in _values(row.obx))
        ]
        found.extend(Observations(Group(group.order, rows), frame).readings())
    return [replace(each, path=()) if isinstance(each, Reading) else each for each in found]


def _values(obx: Segment) -> Iterator[Segment]:
    """Give an OBX for each repetition of OBX-5."""
    sent = obx.repetitions(5)
    if len(sent) < 2:
        yield obx
        return
    fields = obx.text.split(obx.separators.field)
    for value in sent:
        fields[5] = value
        yield Segment(obx.separators.field.join(fields), obx.separators)
