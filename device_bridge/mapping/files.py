"""Mapping files: a hospital's own rows, before those that are shipped.

A file is YAML or JSON in the form of `table`, held against `mapping.schema.json` and against what a
schema cannot say: units are UCUM, limits are in order, groups name metrics that have a row. A fault
is told with its line, and no message is read by a mapping that has one.
"""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from fhirserver_terminology import ucum

from fhirserver_device_bridge.config.checking import check
from fhirserver_device_bridge.config.document import Document
from fhirserver_device_bridge.config.kept_files import KeptFiles
from fhirserver_device_bridge.mapping.table import Table, make_table, shipped, standard
from fhirserver_device_bridge.source import SHIPPED

_Fault = tuple[tuple[str | int, ...], str]


def mapping_named(name: str) -> Table:
    """Give a mapping: the one that is shipped, or that of a file, as it was last sound.

    Raises:
        ConfigError: the file cannot be read or used.
    """
    return standard() if name == SHIPPED else MAPPINGS.get(Path(name))


def _made(document: Document) -> Table:
    check(document, files(__package__).joinpath("mapping.schema.json").read_bytes())
    data = _over_shipped(document.value)
    for place, message in _faults(document, data):
        raise document.error(place, message)
    return make_table(data)


MAPPINGS = KeptFiles(_made)
"""Mapping files that are used."""


def _over_shipped(own: dict[str, Any]) -> dict[str, Any]:
    """Lay a file's rows over those that are shipped; a member goes with its own groups."""
    base = shipped()
    rows = {part: {**base[part], **own.get(part, {})} for part in ("metrics", "units")}
    return {**own, **rows, "groups": [*base["groups"], *own.get("groups", ())]}


def _faults(document: Document, data: dict[str, Any]) -> Iterator[_Fault]:
    own = document.value
    for part in ("metrics", "own", "units"):
        for code, row in own.get(part, {}).items():
            if "ucum" in row and not ucum.validate(row["ucum"]):
                yield (part, code, "ucum"), f"{row['ucum']!r} is no unit of UCUM"
            lowest, highest = row.get("possible", ("0", "0"))
            if float(lowest) > float(highest):
                yield (part, code, "possible"), "the lower limit comes first"
    for number, group in enumerate(own.get("groups", ())):
        for code in (group["panel"], *group["members"]):
            if code not in data["metrics"]:
                yield ("groups", number), f"metric {code!r} has no row; add it to metrics"
