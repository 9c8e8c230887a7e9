"""Building a type's tree of places from its search parameters.

Spec: https://hl7.org/fhir/R4/searchparameter.html#expression

An alternative of an expression that is a path becomes places:

    a.b                  child                  a.as(T), a.ofType(T), a as T   children of that type
    a.where(b = 'x')     condition              a.where(resolve() is T)        condition
    a.extension('url')   child and condition    a.where(hasExtension('url'))   condition
    a[0]                 one item of a list

Composites end at an element; paths from there, laid in the same way, lead to the values that must
stand together in it. An expression with any other alternative is left to FHIRPath. An alias has no
rows of its own, but where it counts one target type alone, its presence is kept, and the display
of its references.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fhirserver.definitions import Definitions, SearchParameter
from fhirserver.fhirpath.parser import parse
from fhirserver.fhirpath.syntax import (
    Binary,
    Expr,
    Function,
    Literal,
    Member,
    TypeName,
    TypeOperation,
)
from fhirserver.search.extract.composite import RESOURCE, compile_composites, parts_of
from fhirserver.search.extract.emitters import emitter
from fhirserver.search.extract.places import Place, Test, Walk, compile_place
from fhirserver.search.extract.reference import display, resolves_to
from fhirserver.search.extract.rows import Emit, Target
from fhirserver.search.keys import system_key


class NotAPathError(Exception):
    """An expression is more than a path."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place while paths are laid: its element's datatype and the node of its children."""

    place: Place
    datatype: str
    node_path: str | None


class TreeBuilder:
    """Lays the paths of one resource type's parameters.

    Args:
        definitions: the R4 specification.
        type_name: resource type; the expressions begin with it.
        node_path: of the element that it stands for in the expressions; the resource itself if
            none is given.

    Attributes:
        root: the place of the resource, or of that element.
        computed: parameters whose expression is more than paths; nothing is laid for them.
        unindexed: (parameter, datatype) pairs that have no rows.
    """

    def __init__(
        self, definitions: Definitions, type_name: str, node_path: str | None = None
    ) -> None:
        self._definitions = definitions
        self._type = type_name
        self._node_path = node_path or type_name
        self._targets: dict[int, tuple[Place, dict[tuple[Emit, int], list[int]]]] = {}
        self._composites: dict[int, tuple[Spot, list[SearchParameter]]] = {}
        self.root = Place()
        self.computed: list[SearchParameter] = []
        self.unindexed: list[tuple[SearchParameter, str]] = []

    def add(self, parameter: SearchParameter) -> None:
        """Lay every alternative of a parameter's expression."""
        try:
            spots = [
                spot
                for alternative in _alternatives(parse(parameter.expression))
                for spot in self._spots(alternative)
            ]
        except NotAPathError:
            self.computed.append(parameter)
            return
        for spot in spots:
            if parameter.type == "composite":
                _, together = self._composites.setdefault(id(spot.place), (spot, []))
                together.append(parameter)
            else:
                self._end(spot, parameter)

    def finish(self) -> Place:
        """Give the tree, without places that no parameter ends at or below."""
        for place, targets in self._targets.values():
            place.emit = [
                (emit, Target(tuple(sps), system)) for (emit, system), sps in targets.items()
            ]
        for spot, parameters in self._composites.values():
            spot.place.together = self._together(spot, parameters)
        _prune(self.root)
        return self.root

    def _together(self, spot: Spot, parameters: list[SearchParameter]) -> Walk:
        """Lay the parts of the composites of one element, each part once."""
        inside = TreeBuilder(self._definitions, self._type, spot.node_path)
        outside = TreeBuilder(self._definitions, self._type)
        known = self._definitions.search_parameters(self._type)
        parts = parts_of(parameters)
        for number, (code, path) in enumerate(parts):
            builder = outside if path.startswith(RESOURCE) else inside
            builder.add(
                replace(
                    known[code],
                    id=number,
                    expression=" | ".join(
                        f"{self._type}.{each.removeprefix(RESOURCE)}" for each in path.split(" | ")
                    ),
                    alias_of=None,
                )
            )
        walks = (compile_place(inside.finish()), compile_place(outside.finish()))
        return compile_composites(parameters, walks, self._definitions)

    def _end(self, spot: Spot, parameter: SearchParameter) -> None:
        emit = emitter(parameter.type, spot.datatype)
        if emit is None:
            self.unindexed.append((parameter, spot.datatype))
            return
        if parameter.id not in spot.place.present:
            spot.place.present.append(parameter.id)
        if parameter.alias_of is not None:
            if spot.datatype != "Reference":
                return
            emit = display
        system = system_key(parameter.implicit_system)
        _, targets = self._targets.setdefault(id(spot.place), (spot.place, {}))
        sps = targets.setdefault((emit, system), [])
        if parameter.id not in sps:
            sps.append(parameter.id)

    def _spots(self, expression: Expr) -> list[Spot]:
        match expression:
            case Member(None, name) if name == self._type:
                return [Spot(self.root, name, self._node_path)]
            case Member(source, name) if source is not None:
                return [
                    child for spot in self._spots(source) for child in self._children(spot, name)
                ]
            case TypeOperation("as", source, TypeName(name)):
                return self._of_type(self._spots(source), name)
            case Function(source, "as" | "ofType", (TypeName(name),)) if source is not None:
                return self._of_type(self._spots(source), name)
            case Function(source, "where", (condition,)) if source is not None:
                return self._where(self._spots(source), condition)
            case Function(source, "extension", (Literal(str() as url),)) if source is not None:
                return self._where(self._spots(Member(source, "extension")), _url_is(url))
            case _:
                raise NotAPathError

    def _children(self, spot: Spot, name: str) -> Iterator[Spot]:
        if spot.node_path is None:
            return
        for element in self._definitions.node(spot.node_path).elements.values():
            if element.base_name == name:
                place = spot.place.children.setdefault(element.name, Place())
                yield Spot(place, element.type, element.node_path)

    def _of_type(self, spots: list[Spot], name: str) -> list[Spot]:
        return [spot for spot in spots if name in self._definitions.supertypes(spot.datatype)]

    def _where(self, spots: list[Spot], condition: Expr) -> list[Spot]:
        test = _test(condition)
        return [
            replace(spot, place=spot.place.tests.setdefault(condition, (test, Place()))[1])
            for spot in spots
        ]


def _alternatives(expression: Expr) -> Iterator[Expr]:
    if isinstance(expression, Binary) and expression.operator == "|":
        yield from _alternatives(expression.left)
        yield from _alternatives(expression.right)
    else:
        yield expression


def _url_is(url: str) -> Expr:
    return Binary("=", Member(None, "url"), Literal(url))


def _test(condition: Expr) -> Test:
    match condition:
        case Binary("=", Member(None, name), Literal(str() as expected)):
            return lambda value: bool(value.get(name) == expected)
        case TypeOperation("is", Function(None, "resolve", ()), TypeName(name)):
            return resolves_to(name)
        case Function(None, "hasExtension", (Literal(str() as url),)):
            return lambda value: any(
                each.get("url") == url for each in value.get("extension") or ()
            )
        case _:
            raise NotAPathError


def _prune(place: Place) -> bool:
    """Drop what leads nowhere; tell whether anything is left."""
    place.children = {name: inner for name, inner in place.children.items() if _prune(inner)}
    place.tests = {
        condition: (test, inner)
        for condition, (test, inner) in place.tests.items()
        if _prune(inner)
    }
    return bool(place.present or place.children or place.tests or place.together)
