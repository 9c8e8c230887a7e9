"""FHIR R4 as compiled data, and the compiler that makes it from HL7's packages.

`r4/definitions.json.gz` is what the server loads; `r4/SOURCE.json` says where it comes from.
Nothing here imports the server: `fhirserver.definitions` reads the file, one way.
"""

from pathlib import Path


def read_compiled_r4() -> bytes:
    """Read the compiled definitions of FHIR R4, still compressed."""
    return Path(__file__).with_name("r4").joinpath("definitions.json.gz").read_bytes()
