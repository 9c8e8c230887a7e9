"""Reads FHIR packages: npm tarballs with one JSON resource per file below `package/`.

Spec: https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
"""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """One FHIR package in memory.

    Attributes:
        name: e.g. "hl7.fhir.r4.core".
        version: e.g. "4.0.1".
        licence: SPDX id, e.g. "CC0-1.0".
        resources: by file name, in the order of the names.
    """

    name: str
    version: str
    licence: str
    resources: dict[str, JsonObject]

    def of_type(self, resource_type: str) -> Iterator[JsonObject]:
        """Give the package's resources of one type, in the order of their file names."""
        for resource in self.resources.values():
            if resource["resourceType"] == resource_type:
                yield resource


def read_package(path: Path) -> Package:
    """Read a package's manifest and its top-level resources; examples in subfolders stay out."""
    manifest: JsonObject = {}
    resources: dict[str, JsonObject] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, name = member.name.partition("/")
            if not member.isfile() or folder != "package" or "/" in name:
                continue
            stream = archive.extractfile(member)
            content = json.load(stream) if stream is not None else {}
            if name == "package.json":
                manifest = content
            elif "resourceType" in content:
                resources[name] = content
    return Package(
        name=manifest["name"],
        version=manifest["version"],
        licence=manifest.get("license", ""),
        resources=dict(sorted(resources.items())),
    )
