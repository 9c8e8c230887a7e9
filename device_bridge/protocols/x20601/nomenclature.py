"""MDC nomenclature: terms of the specialisations, by their 32-bit code.

Spec: ISO/IEEE 11073-10101; a 32-bit code is partition * 65536 + the 16-bit code on the wire

A term that is not in the table keeps its code and has no name: a private one (0xF000 and above) has
no other meaning than its maker gives it.
"""

import json
from functools import cache
from importlib.resources import files

from fhirserver_device_bridge.reading import MDC, Coding

METRICS, DIMENSIONS, INFRASTRUCTURE = 2, 4, 8


def code_of(partition: int, term: int) -> int:
    """The 32-bit code of a term."""
    return (partition << 16) | term


def coding(partition: int, term: int, label: str | None = None) -> Coding:
    """A term as a coding.

    Args:
        partition: of the nomenclature, e.g. 2 for metrics.
        term: as on the wire, 16 bits.
        label: the agent's own name, used where the table has none.
    """
    code = str(code_of(partition, term))
    return Coding(MDC, code, names().get(code) or label)


def term(name: str) -> Coding:
    """A term of the table, by its reference id."""
    return Coding(MDC, _codes()[name], name)


@cache
def _codes() -> dict[str, str]:
    return {name: code for code, name in names().items()}


def eui64(system_id: bytes) -> str:
    """An EUI-64 as FHIR writes it, e.g. "FE-ED-AB-EE-DE-AD-77-C3"."""
    return system_id.hex("-").upper()


@cache
def names() -> dict[str, str]:
    """Reference ids by 32-bit code in decimal, e.g. "150456" -> "MDC_PULS_OXIM_SAT_O2"."""
    table = files(__package__).joinpath("nomenclature.json").read_bytes()
    return {
        str(code_of(int(partition), term)): name
        for partition, terms in json.loads(table)["partitions"].items()
        for name, term in terms.items()
    }
