"""Which device a poll is of, and whose: registers say neither.

device    one level (MDS): the source's `device`, and what its layout says of it
patient   a device knows nobody: its own identifier stands for its patient, in the system that
          the source calls "device-user", as with personal health devices
handle    table and address, e.g. "holding.40"; of a bit "holding.40.3"
"""

from fhirserver_device_bridge.protocols.modbus.layout import Layout, Measure
from fhirserver_device_bridge.reading import Identifier, Level
from fhirserver_device_bridge.source import DEVICE_USER, Source


def path_of(source: Source, layout: Layout) -> tuple[Level, ...]:
    """Give the device."""
    return (
        Level(
            "mds",
            code=layout.kind,
            identifiers=(Identifier(*source.device),),
            model=layout.model,
            manufacturer=layout.manufacturer,
        ),
    )


def patient_of(source: Source) -> tuple[Identifier, ...]:
    """Give what stands for the patient."""
    user = dict(source.systems).get(DEVICE_USER, DEVICE_USER)
    return (Identifier(user, source.device[1]),)


def handle_of(measure: Measure) -> str:
    """Give the place of a measure."""
    return f"{measure.table}.{measure.address}"
