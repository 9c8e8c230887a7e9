"""The compiled specification behind look-ups by name; every table is built on first use.

Spec: https://hl7.org/fhir/R4/resourcelist.html
"""

import copy
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
from fhirserver_profiles.search_parameters import Structures, element_facts

from fhirserver.definitions.elements import Invariant, Kind, Node, TypeDef, build_node
from fhirserver.definitions.search_parameters import SearchParameter, build_search_parameters

RawObject = dict[str, Any]


class _Compiled(msgspec.Struct, rename="camel"):
    """The file's top level; what is big stays JSON text until somebody asks for it."""

    fhir_version: str
    type_ids: dict[str, int]
    types: dict[str, msgspec.Raw]
    invariants: msgspec.Raw
    search_parameters: dict[str, msgspec.Raw]
    compartments: dict[str, dict[str, tuple[str, ...]]]
    operations: msgspec.Raw
    value_sets: dict[str, msgspec.Raw]


class _Head(msgspec.Struct):
    """What of a compiled type does not need its element tables read."""

    kind: Kind
    base: str
    url: str
    abstract: bool = False


@dataclass(frozen=True, slots=True)
class OperationDef:
    """An operation that the specification defines.

    Attributes:
        id: e.g. "Patient-everything".
        parameters: OperationDefinition.parameter as JSON: name, use, min, max, type, part.
    """

    id: str
    code: str
    url: str
    resources: tuple[str, ...]
    system: bool
    type: bool
    instance: bool
    affects_state: bool
    parameters: tuple[RawObject, ...]


class Definitions:
    """The specification; immutable, and shared by every thread.

    Args:
        packed: the compiled file, gzipped JSON, see `fhirserver_profiles.compile_r4`.

    Attributes:
        registry: version of the search parameters of one's own that are added; 0 for none.
        specification: R4 alone.
        full_text: parameters of words that are indexed and searched.
    """

    def __init__(self, packed: bytes) -> None:
        self._compiled = msgspec.json.decode(gzip.decompress(packed), type=_Compiled)
        self._type_ids = self._compiled.type_ids
        self._type_names = {number: name for name, number in self._type_ids.items()}
        self._raw_types: dict[str, RawObject] = {}
        self._type_defs: dict[str, TypeDef] = {}
        self._nodes: dict[str, Node] = {}
        self._search_parameters: dict[str, dict[str, SearchParameter]] = {}
        self._value_sets: dict[str, Mapping[str, frozenset[str]] | None] = {}
        self._added: Mapping[str, Mapping[str, RawObject]] = {}
        self.registry = 0
        self.full_text = frozenset({"_text"})
        self.specification = self
        self.fhir_version = self._compiled.fhir_version
        self.resource_types: tuple[str, ...] = tuple(sorted(self._type_ids))

    def extended(
        self, registry: int, added: Mapping[str, Mapping[str, RawObject]]
    ) -> "Definitions":
        """Give the specification with search parameters of one's own.

        Args:
            registry: version of what is added.
            added: per type and code, in the compiled form; codes that R4 does not have.
        """
        made = copy.copy(self.specification)
        vars(made).pop("_parameters_by_id", None)
        vars(made).update(_search_parameters={}, _added=added, registry=registry)
        return made

    def searching(self, full_text: frozenset[str]) -> "Definitions":
        """Give R4 alone with these parameters of words.

        Args:
            full_text: some of `_text` and `_content`.
        """
        if full_text == self.full_text:
            return self.specification
        made = copy.copy(self.specification)
        vars(made).pop("_parameters_by_id", None)
        vars(made).update(_search_parameters={}, specification=made, full_text=full_text)
        return made

    def type_id(self, name: str) -> int:
        """Give a storable type's number, 1 to 145; KeyError if it is not one."""
        return self._type_ids[name]

    def type_name(self, type_id: int) -> str:
        """Give the storable type of a number."""
        return self._type_names[type_id]

    def is_resource_type(self, name: str) -> bool:
        """Tell whether a name is a concrete resource type; Parameters is one too."""
        return name in self._type_ids or name == "Parameters"

    @cached_property
    def type_names(self) -> tuple[str, ...]:
        """All 209 types: resources, complex and primitive data types, abstract ones too."""
        return tuple(sorted(self._compiled.types))

    def type_def(self, name: str) -> TypeDef:
        """Give a type's head; KeyError if there is no such type."""
        found = self._type_defs.get(name)
        if found is None:
            head = self._heads[name]
            regex = self._primitive_regex(name) if head.kind == "primitive" else None
            found = self._type_defs[name] = TypeDef(
                name, head.kind, head.abstract, head.base, head.url, regex
            )
        return found

    def supertypes(self, name: str) -> tuple[str, ...]:
        """Give a type and all that it specialises, itself first, e.g. (Patient, ..., Resource)."""
        found: list[str] = []
        while name:
            found.append(name)
            name = self._heads[name].base
        return tuple(found)

    def node(self, path: str) -> Node:
        """Give the element table of a path, e.g. "Patient.contact"; KeyError if none."""
        node = self._nodes.get(path)
        if node is None:
            raw = self._raw_type(path.partition(".")[0])
            node = self._nodes[path] = build_node(path, raw, self._kind_of)
        return node

    def search_parameters(self, name: str) -> Mapping[str, SearchParameter]:
        """Give a storable type's parameters by code, inherited ones too; KeyError if not one."""
        found = self._search_parameters.get(name)
        if found is None and self is not self.specification and name not in self._added:
            return self.specification.search_parameters(name)
        if found is None:
            raw = msgspec.json.decode(self._compiled.search_parameters[name])
            raw |= self._added.get(name, {})
            found = self._search_parameters[name] = build_search_parameters(
                name, raw, self.full_text
            )
        return found

    def search_parameter_by_id(self, sp: int) -> SearchParameter:
        """Give the parameter of a number; KeyError if none."""
        return self._parameters_by_id[sp]

    def element_facts(self, expression: str) -> RawObject:
        """Tell `single` and `system` of the elements that a pruned expression names."""
        return element_facts(expression, self._structures, self._value_sets_by_url)

    def compartment(self, code: str) -> Mapping[str, tuple[str, ...]]:
        """Give a compartment's member types with the parameters that link them."""
        return self._compiled.compartments[code]

    def value_set(self, url: str) -> Mapping[str, frozenset[str]] | None:
        """Give the codes by system of a required value set; None if open, too big or unknown."""
        url = url.partition("|")[0]
        if url not in self._value_sets:
            packed = self._compiled.value_sets.get(url)
            raw = None if packed is None else msgspec.json.decode(packed)
            self._value_sets[url] = (
                None if raw is None else {system: frozenset(raw[system]) for system in raw}
            )
        return self._value_sets[url]

    @property
    def value_set_urls(self) -> tuple[str, ...]:
        """Canonicals of the value sets that R4 binds as required."""
        return tuple(self._compiled.value_sets)

    def invariant(self, key: str) -> Invariant:
        """Give the rule of a key as elements and nodes list it; KeyError if none."""
        return self.invariants[key]

    @cached_property
    def invariants(self) -> Mapping[str, Invariant]:
        """Every rule by its unique key: the published one, or `inv-1@Task` where that is shared."""
        raw = msgspec.json.decode(self._compiled.invariants)
        return {key: Invariant(**entry) for key, entry in raw.items()}

    @cached_property
    def operations(self) -> Mapping[str, OperationDef]:
        """Operations by id, e.g. "Patient-everything"."""
        raw = msgspec.json.decode(self._compiled.operations)
        return {key: _operation(key, entry) for key, entry in raw.items()}

    @cached_property
    def _parameters_by_id(self) -> dict[int, SearchParameter]:
        return {
            parameter.id: parameter
            for name in self.resource_types
            for parameter in self.search_parameters(name).values()
        }

    @cached_property
    def _structures(self) -> Structures:
        return Structures({name: self._raw_type(name) for name in self._compiled.types})

    @cached_property
    def _value_sets_by_url(self) -> dict[str, Mapping[str, frozenset[str]] | None]:
        return {url: self.value_set(url) for url in self.value_set_urls}

    @cached_property
    def _heads(self) -> dict[str, _Head]:
        return {
            name: msgspec.json.decode(raw, type=_Head) for name, raw in self._compiled.types.items()
        }

    def _kind_of(self, name: str) -> Kind | None:
        head = self._heads.get(name)
        return None if head is None else head.kind

    def _primitive_regex(self, name: str) -> str | None:
        value = self._raw_type(name)["nodes"][name]["elements"].get("value", {})
        regex: str | None = value.get("regex")
        return regex

    def _raw_type(self, name: str) -> RawObject:
        raw = self._raw_types.get(name)
        if raw is None:
            raw = self._raw_types[name] = msgspec.json.decode(self._compiled.types[name])
        return raw


def _operation(key: str, raw: RawObject) -> OperationDef:
    return OperationDef(
        id=key,
        code=raw["code"],
        url=raw["url"],
        resources=tuple(raw.get("resource", ())),
        system=raw["system"],
        type=raw["type"],
        instance=raw["instance"],
        affects_state=raw.get("affectsState", False),
        parameters=tuple(raw["parameter"]),
    )
