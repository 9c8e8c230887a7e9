"""The UCUM units and prefixes, loaded from the compiled table.

Spec: https://ucum.org/ucum#section-Derived-Unit-Atoms

A unit atom is one of

    base       a dimension of its own: m s g rad K C cd
    ratio      a number times another unit: [in_i] = 2.54 cm
    arbitrary  a dimension of its own that no measurement relates to another: [arb'U]
    special    reached by a function from a ratio scale: Cel, [pH], B
"""

import gzip
import json
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Atom(NamedTuple):
    """One unit as the table defines it.

    Attributes:
        kind: "base", "ratio", "arbitrary" or "special".
        metric: whether prefixes are allowed.
        value: number of `unit`s, as the source writes it.
        unit: UCUM expression it is defined by; "1" for a base unit.
        function: name of the scale function of a special unit, e.g. "degF"; else empty.
    """

    kind: str
    metric: bool
    value: str
    unit: str
    function: str = ""


class UcumTable(NamedTuple):
    """The whole table."""

    prefixes: dict[str, str]
    units: dict[str, Atom]

    def find(self, symbol: str) -> tuple[str, str] | None:
        """Split a symbol into prefix and unit code.

        A code that stands in the table wins over a prefix with a shorter one (`cd` is the
        candela, `min` the minute). Prefixes are one or two letters long and go with metric units.

        Returns:
            (prefix or "", unit code); None when there is no such unit.
        """
        if symbol in self.units:
            return "", symbol
        for length in (1, 2):
            prefix, code = symbol[:length], symbol[length:]
            if prefix in self.prefixes and code in self.units and self.units[code].metric:
                return prefix, code
        return None


@cache
def ucum_table() -> UcumTable:
    """Load the table, once."""
    packed = files("fhirserver_terminology").joinpath("ucum.json.gz").read_bytes()
    raw = json.loads(gzip.decompress(packed))
    return UcumTable(
        raw["prefixes"], {code: Atom(*fields) for code, fields in raw["units"].items()}
    )
