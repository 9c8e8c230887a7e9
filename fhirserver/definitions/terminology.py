"""R4's own value sets and code systems, as `fhirserver_terminology` reads them.

Spec: https://hl7.org/fhir/R4/terminologies-valuesets.html and terminologies-systems.html

There are the 1,316 value sets of the specification, and those code systems that it holds whole:
SNOMED CT, LOINC, UCUM and others stand elsewhere. Everything has been published as one version.
"""

import gzip
from functools import cache, lru_cache

import msgspec
from fhirserver_profiles import read_compiled_terminology
from fhirserver_terminology.code_system import CodeSystem, JsonObject, TerminologyError


class _Compiled(msgspec.Struct, rename="camel"):
    """The file's top level; an entry stays JSON text until somebody asks for it."""

    value_sets: dict[str, msgspec.Raw]
    code_systems: dict[str, msgspec.Raw]


class R4Content:
    """What R4 publishes; immutable, and shared by every thread."""

    def value_set(self, reference: str) -> JsonObject:
        """Give the version and composition of a value set; TerminologyError if unknown."""
        url, _, version = reference.partition("|")
        packed = _compiled().value_sets.get(url)
        found: JsonObject = {} if packed is None else msgspec.json.decode(packed)
        if not found or version not in ("", found["version"]):
            raise TerminologyError(
                f"no value set {reference!r} is here that may be read; store it, or name one of"
                " R4's"
            )
        return found

    def code_system(self, canonical: str) -> CodeSystem:
        """Give a code system; TerminologyError if unknown, or not here as a whole."""
        return _code_system(canonical)


class _Versioned(msgspec.Struct):
    version: str = ""


def code_systems() -> dict[str, str]:
    """Name the code systems that are here as a whole: version by canonical, "" for none."""
    found = _compiled().code_systems
    return {url: msgspec.json.decode(found[url], type=_Versioned).version for url in sorted(found)}


@lru_cache(maxsize=64)
def _code_system(canonical: str) -> CodeSystem:
    url, _, version = canonical.partition("|")
    packed = _compiled().code_systems.get(url)
    found: JsonObject = {} if packed is None else msgspec.json.decode(packed)
    if not found or version not in ("", found.get("version", "")):
        raise TerminologyError(
            f"no code system {canonical!r} is here that may be read; store it with all its concepts"
        )
    return CodeSystem(found)


@cache
def _compiled() -> _Compiled:
    return msgspec.json.decode(gzip.decompress(read_compiled_terminology()), type=_Compiled)
