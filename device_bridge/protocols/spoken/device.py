"""The device and its patient, of which devices that only measure say nothing.

The device is the one that its source names. A device knows nobody: its own identifier stands for
its patient, in the system that the source calls "device-user", as with personal health devices.
"""

from fhirserver_device_bridge.reading import Identifier
from fhirserver_device_bridge.source import DEVICE_USER, Source


def named(source: Source) -> Identifier:
    """Give the device's identifier."""
    return Identifier(*source.device)


def user(source: Source) -> Identifier:
    """Give what stands for its patient."""
    return Identifier(dict(source.systems).get(DEVICE_USER, DEVICE_USER), source.device[1])
