"""Rows of a single value, for tables of datatypes."""

from typing import Any

from fhirserver.definitions.search_parameters import SearchType
from fhirserver.search.extract.emitters import emitter
from fhirserver.search.extract.rows import Sink, Target
from fhirserver.search.keys import system_key

SP = 7
BASE = "http://here/fhir"
LOCAL_TYPES = frozenset({"Patient", "Group", "Questionnaire", "Composition"})

Rows = dict[str, list[Any]]


def emitted(kind: SearchType, datatype: str, value: Any, system: str | None = None) -> Rows:
    """Rows of one value by table, empty tables left out."""
    sink = Sink(BASE, LOCAL_TYPES, {})
    emit = emitter(kind, datatype)
    assert emit is not None
    emit(value, sink, Target((SP,), system_key(system)))
    tables = ("token", "string", "date", "reference", "quantity", "composite")
    return {name: getattr(sink, name) for name in tables if getattr(sink, name)}
