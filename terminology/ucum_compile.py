"""Compile `ucum-essence.xml` to the table that the UCUM engine reads.

Spec: https://ucum.org/ucum

    python -m fhirserver_terminology.ucum_compile ucum-essence.xml terminology/ucum.json.gz

The table keeps every code and every value as the source writes it:

    source    version, date and checksum of the file it was made from, copyright and licence
    prefixes  {code: value}
    units     {code: [kind, metric, value, unit, function]}
              kind "base", "ratio", "arbitrary" or "special"; value and unit "1" for a base unit;
              function only for special units, e.g. "degF"

The same input gives the same bytes, so a test can tell a stale table. See `UCUM-LICENSE.md`.
"""

import gzip
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

_NAMESPACE = {"u": "http://unitsofmeasure.org/ucum-essence"}
_COPYRIGHT = "Copyright 1999-2022 Regenstrief Institute, Inc. All rights reserved."
_LICENSE = "UCUM License, Version 1.0; https://unitsofmeasure.org/license"


def compile_table(essence: bytes) -> bytes:
    """Compile the XML to gzipped JSON. Pure.

    Args:
        essence: `ucum-essence.xml` as published.

    Returns:
        The table; equal input gives equal bytes.
    """
    root = ET.fromstring(essence)  # noqa: S314  a published file, read by its maintainer
    table = {
        "source": {
            "file": "ucum-essence.xml",
            "version": root.get("version"),
            "date": root.get("revision-date"),
            "sha256": hashlib.sha256(essence).hexdigest(),
            "copyright": _COPYRIGHT,
            "license": _LICENSE,
        },
        "prefixes": {
            prefix.attrib["Code"]: _value(prefix).attrib["value"]
            for prefix in root.iterfind("u:prefix", _NAMESPACE)
        },
        "units": dict(_units(root)),
    }
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def _units(root: ET.Element) -> Iterator[tuple[str, list[Any]]]:
    for base in root.iterfind("u:base-unit", _NAMESPACE):
        yield base.attrib["Code"], ["base", True, "1", "1"]
    for unit in root.iterfind("u:unit", _NAMESPACE):
        metric = unit.get("isMetric") == "yes"
        value = _value(unit)
        function = value.find("u:function", _NAMESPACE)
        if function is not None:
            row = ["special", metric, function.attrib["value"], function.attrib["Unit"]]
            yield unit.attrib["Code"], [*row, function.attrib["name"]]
            continue
        kind = "arbitrary" if unit.get("isArbitrary") == "yes" else "ratio"
        yield unit.attrib["Code"], [kind, metric, value.attrib["value"], value.attrib["Unit"]]


def _value(element: ET.Element) -> ET.Element:
    value = element.find("u:value", _NAMESPACE)
    if value is None:
        raise ValueError(f"{element.get('Code')} has no value")
    return value


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(compile_table(Path(sys.argv[1]).read_bytes()))
