"""List the maps of registers that are shipped, or show one, to begin a map of one's own from it."""

import argparse
import sys

from fhirserver_device_bridge.source import REGISTERS

EXAMPLES = """\
examples:
  fhir-bridge maps
  fhir-bridge maps generic-ventilator > own-ventilator.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", nargs="?", choices=REGISTERS, metavar="NAME", help="show this one")


def run(arguments: argparse.Namespace) -> int:
    """List them, or show one as it is."""
    from fhirserver_device_bridge.protocols.modbus.layouts import layout_of, shipped_text

    if arguments.name is not None:
        sys.stdout.write(shipped_text(arguments.name))
        return 0
    for name in REGISTERS:
        layout = layout_of(name)
        measured = ", ".join(each.code.display or each.code.code for each in layout.measures)
        sys.stdout.write(f"{name}  version {layout.version}  {measured}\n")
    return 0
