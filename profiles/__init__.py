"""FHIR R4 as compiled data, and the compiler that makes it from HL7's packages.

`r4/definitions.json.gz` is what the server loads, and `r4/terminology.json.gz` when a search first
asks for value sets or code systems; `r4/SOURCE.json` says where they come from.
Nothing here imports the server: `fhirserver.definitions` reads the file, one way.
"""

from pathlib import Path

_R4 = Path(__file__).with_name("r4")


def read_compiled_r4() -> bytes:
    """Read the compiled definitions of FHIR R4, still compressed."""
    return _R4.joinpath("definitions.json.gz").read_bytes()


def read_compiled_terminology() -> bytes:
    """Read the value sets and code systems of FHIR R4, still compressed."""
    return _R4.joinpath("terminology.json.gz").read_bytes()
