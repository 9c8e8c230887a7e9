"""A mapping table: metrics and units of IEEE 11073 in LOINC and UCUM.

    {"name": "standard", "version": "1",
     "metrics": {"150456": {"refid": "MDC_PULS_OXIM_SAT_O2",
                            "loinc": [{"code": "2708-6", "display": "Oxygen saturation"}],
                            "ucum": "%", "vital": true, "possible": ["0", "100"]}},
     "own":     {"GLU": {"loinc": [{"code": "2345-7", "display": "Glucose [Mass/volume] in Serum"}],
                         "ucum": "mg/dL"}},
     "units":   {"262688": {"refid": "MDC_DIM_PERCENT", "ucum": "%"}},
     "groups":  [{"panel": "150020", "members": ["150021", "150022", "150023"]}]}

`metrics` are codes of MDC, `own` those of the sender's own systems. `loinc` begins with the code
that a vital-signs profile demands. `possible` is in `ucum`. A code that has no row is kept as it
was sent. The form is told by `mapping.schema.json`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from fhirserver_device_bridge.reading import MDC, Coding

LOINC = "http://loinc.org"


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of `metrics`; attributes as there, `code` with its reference id."""

    code: Coding
    loinc: tuple[Coding, ...] = ()
    ucum: str | None = None
    vital: bool = False
    possible: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table with its indexes; one is equal to itself only, so that it may be part of a key.

    Attributes:
        name, version: stand in Provenance.
        metrics, units: by code and by reference id; units as UCUM.
        own: by code of the sender's own.
        panels: code of a member -> metric of its panel.
        members: code of a panel -> codes of its members, in their order.
    """

    name: str
    version: str
    metrics: Mapping[str, Metric]
    own: Mapping[str, Metric]
    units: Mapping[str, str]
    panels: Mapping[str, Metric]
    members: Mapping[str, tuple[str, ...]]

    def metric(self, codes: tuple[Coding, ...]) -> Metric | None:
        """Find the row of a metric: by MDC code, else by reference id; by a code of one's own."""
        for coding in codes:
            if coding.system in (MDC, ""):
                found = self.metrics.get(coding.code) or self.metrics.get(coding.display or "")
            else:
                found = self.own.get(coding.code)
            if found:
                return found
        return None

    def ucum(self, unit: Coding) -> str | None:
        """Give a unit of MDC in UCUM; None for one that has no row."""
        if unit.system not in (MDC, ""):
            return None
        return self.units.get(unit.code) or self.units.get(unit.display or "")


@cache
def standard() -> Table:
    """Load the table that is shipped."""
    return make_table(shipped())


def shipped() -> dict[str, Any]:
    """Read the table that is shipped, as it stands in its file."""
    data: dict[str, Any] = json.loads(files(__package__).joinpath("standard.json").read_bytes())
    return data


def make_table(data: dict[str, Any]) -> Table:
    """Make a table of rows whose form is valid, and whose groups name metrics that have one."""
    rows = {
        code: _metric(Coding(MDC, code, row["refid"]), row) for code, row in data["metrics"].items()
    }
    units = data["units"].items()
    groups = data.get("groups", [])
    return Table(
        name=data["name"],
        version=data["version"],
        own={code: _metric(Coding("", code), row) for code, row in data.get("own", {}).items()},
        metrics={**{row.code.display or "": row for row in rows.values()}, **rows},
        units={
            **{row["refid"]: row["ucum"] for _, row in units},
            **{code: row["ucum"] for code, row in units},
        },
        panels={member: rows[group["panel"]] for group in groups for member in group["members"]},
        members={group["panel"]: tuple(group["members"]) for group in groups},
    )


def _metric(code: Coding, row: Mapping[str, Any]) -> Metric:
    limits = row.get("possible")
    return Metric(
        code=code,
        loinc=tuple(
            Coding(LOINC, entry["code"], entry["display"]) for entry in row.get("loinc", ())
        ),
        ucum=row.get("ucum"),
        vital=row.get("vital", False),
        possible=(Decimal(limits[0]), Decimal(limits[1])) if limits else None,
    )
