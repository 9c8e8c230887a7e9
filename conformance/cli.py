"""The command `fhir-conformance`."""

import sys


def main() -> int:
    """Run the command."""
    sys.stderr.write("not built yet\n")
    return 2
