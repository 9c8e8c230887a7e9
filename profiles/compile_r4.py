r"""Compiles HL7's packages of FHIR R4 into the one file that the server loads.

    python -m fhirserver_profiles.compile_r4 --package hl7.fhir.r4.core.tgz \
        --expansions hl7.fhir.r4.expansions-4.0.1.tgz --output profiles/r4/definitions.json.gz

The output is the same byte for byte for the same packages. `SOURCE.json` and `terminology.json.gz`
(see terminology.py) are written beside it.

    typeIds          {type: number} of the storable resource types; numbers are stored in databases
    types            see structures.py
    invariants       {unique key: {key, severity, human, expression}}
    searchParameters see search_parameters.py
    compartments     {code: {type: [search parameter codes]}}
    operations       {id: OperationDefinition without texts}
    valueSets        see value_sets.py
"""

import argparse
import gzip
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from fhirserver_profiles.package import Package, read_package
from fhirserver_profiles.search_parameters import compile_search_parameters, storable_types
from fhirserver_profiles.structures import (
    Invariants,
    compile_structure,
    data_type_profiles,
    is_base_type,
)
from fhirserver_profiles.terminology import compile_terminology
from fhirserver_profiles.value_sets import compile_value_sets, required_value_sets

JsonObject = dict[str, Any]

_OPERATION_KEYS = (
    "url", "code", "affectsState", "resource", "system", "type", "instance",
)  # fmt: skip
_PARAMETER_KEYS = ("name", "use", "min", "max", "type", "searchType", "targetProfile", "part")


def compile_definitions(package: Package, expansions: Package) -> JsonObject:
    """Compile the packages to one JSON object. Pure."""
    structures = [item for item in package.of_type("StructureDefinition") if is_base_type(item)]
    profiles = data_type_profiles(structures)
    profiled = [item for item in package.of_type("StructureDefinition") if item["id"] in profiles]
    invariants = Invariants([*structures, *profiled])
    types = {
        structure["type"]: compile_structure(structure, invariants)
        for structure in sorted(structures, key=lambda item: str(item["type"]))
    }
    value_sets = compile_value_sets(
        expansions.of_type("ValueSet"), required_value_sets(types.values())
    )
    return {
        "fhirVersion": package.version,
        "typeIds": {name: index for index, name in enumerate(storable_types(types), 1)},
        "types": types,
        "invariants": invariants.by_key,
        "searchParameters": compile_search_parameters(
            package.of_type("SearchParameter"), types, value_sets
        ),
        "compartments": _compile_compartments(package),
        "operations": _compile_operations(package),
        "valueSets": value_sets,
    }


def pack(definitions: JsonObject) -> bytes:
    """Write definitions as gzipped JSON without a time stamp."""
    text = json.dumps(definitions, separators=(",", ":"), ensure_ascii=False)
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def describe_source(
    packages: list[tuple[Path, Package]], packed: bytes, terminology: bytes
) -> JsonObject:
    """Say what the compiled files were made from."""
    return {
        "packages": [
            {
                "name": package.name,
                "version": package.version,
                "license": package.licence,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path, package in packages
        ],
        "compiler": "python -m fhirserver_profiles.compile_r4",
        "json_sha256": hashlib.sha256(gzip.decompress(packed)).hexdigest(),
        "terminology_sha256": hashlib.sha256(gzip.decompress(terminology)).hexdigest(),
    }


def _compile_compartments(package: Package) -> dict[str, dict[str, list[str]]]:
    return {
        compartment["code"]: {
            member["code"]: member["param"]
            for member in compartment["resource"]
            if member.get("param")
        }
        for compartment in package.of_type("CompartmentDefinition")
        if compartment["id"] != "example"
    }


def _compile_operations(package: Package) -> dict[str, JsonObject]:
    return {
        operation["id"]: {
            **{key: operation[key] for key in _OPERATION_KEYS if key in operation},
            "parameter": _compile_parameters(operation.get("parameter", [])),
        }
        for operation in package.of_type("OperationDefinition")
        if operation["id"] != "example"
    }


def _compile_parameters(parameters: list[JsonObject]) -> list[JsonObject]:
    return [
        {
            key: _compile_parameters(parameter[key]) if key == "part" else parameter[key]
            for key in _PARAMETER_KEYS
            if key in parameter
        }
        for parameter in parameters
    ]


def main(arguments: list[str]) -> None:
    """Compile from the command line."""
    parser = argparse.ArgumentParser(description="Compile the definitions of FHIR R4.")
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--expansions", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    package, expansions = read_package(options.package), read_package(options.expansions)
    packed = pack(compile_definitions(package, expansions))
    options.output.write_bytes(packed)
    terminology = pack(compile_terminology(package))
    options.output.with_name("terminology.json.gz").write_bytes(terminology)
    sources = [(options.package, package), (options.expansions, expansions)]
    source = describe_source(sources, packed, terminology)
    options.output.with_name("SOURCE.json").write_text(json.dumps(source, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
