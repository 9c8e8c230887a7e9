"""A parsed search: what is asked, typed, before anything is known of tables.

Query      types, criteria (all must hold), result parameters
Criterion  one parameter with its values (one must hold)
Chain      a reference, and what its target must fulfil
Has        a reference from elsewhere, and what its source must fulfil
Filter     an expression, and the clauses it stands for, among them Every, Either and Without
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from fhirserver.definitions import SearchParameter
from fhirserver.errors import Issue
from fhirserver.search.conditions import Space
from fhirserver.search.filter.tree import Expression
from fhirserver.search.params.coded import CodesValue
from fhirserver.search.params.composite import CompositeValue
from fhirserver.search.params.date import DateValue
from fhirserver.search.params.hierarchy import HierarchyValue
from fhirserver.search.params.number import NumberValue
from fhirserver.search.params.quantity import QuantityValue
from fhirserver.search.params.reference import ReferenceValue
from fhirserver.search.params.special import NearValue
from fhirserver.search.params.string import StringValue
from fhirserver.search.params.text import TextValue
from fhirserver.search.params.token import OfTypeValue, TokenValue
from fhirserver.search.params.uri import UriValue


@dataclass(frozen=True, slots=True)
class MissingValue:
    """What `:missing` asks: True for resources without a value."""

    missing: bool

    def render(self) -> str:
        """Write it as in a URL."""
        return "true" if self.missing else "false"


Value = (
    CodesValue
    | CompositeValue
    | DateValue
    | HierarchyValue
    | MissingValue
    | NearValue
    | NumberValue
    | OfTypeValue
    | QuantityValue
    | ReferenceValue
    | StringValue
    | TextValue
    | TokenValue
    | UriValue
)

Total = Literal["none", "estimate", "accurate"]
Contained = Literal["false", "true", "both"]
ContainedType = Literal["container", "contained"]
Summary = Literal["true", "text", "data", "count", "false"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter with its alternatives.

    Attributes:
        parameters: its definition on each of the types searched.
        modifier: "exact", "missing", a resource type ...; None when there is none. In filters
            also an operator that no modifier and no prefix says, e.g. "ew".
        values: alternatives; at least one.
    """

    parameters: tuple[SearchParameter, ...]
    modifier: str | None
    values: tuple[Value, ...]

    @property
    def parameter(self) -> SearchParameter:
        """Its definition on the first of the types."""
        return self.parameters[0]

    @property
    def sps(self) -> tuple[int, ...]:
        """Numbers of its rows."""
        return tuple(number for parameter in self.parameters for number in parameter.row_ids)


@dataclass(frozen=True, slots=True)
class Chain:
    """A reference whose target fulfils a clause.

    Attributes:
        parameters: the reference's definition on each of the types searched.
        qualifier: the target type named in the query; None when it names none.
        targets: per possible target type what it must fulfil.
    """

    parameters: tuple[SearchParameter, ...]
    qualifier: str | None
    targets: tuple[tuple[str, "Clause"], ...]

    @property
    def parameter(self) -> SearchParameter:
        """The reference's definition on the first of the types."""
        return self.parameters[0]

    @property
    def sps(self) -> tuple[int, ...]:
        """Numbers of the reference's rows."""
        return tuple(parameter.rows_id for parameter in self.parameters)


@dataclass(frozen=True, slots=True)
class Has:
    """A resource of a type that refers to this one and fulfils a clause.

    Attributes:
        type: the referring resource's type.
        parameter: its reference parameter.
        targets: the types searched, to which it refers.
        clause: what it must fulfil.
    """

    type: str
    parameter: SearchParameter
    targets: tuple[str, ...]
    clause: "Clause"


@dataclass(frozen=True, slots=True)
class Every:
    """All of the clauses hold."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the clauses holds."""

    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class Without:
    """The clause does not hold."""

    clause: "Clause"


@dataclass(frozen=True, slots=True)
class Filter:
    """One `_filter`.

    Attributes:
        expression: as read.
        clauses: what it stands for; all must hold.
    """

    expression: Expression
    clauses: tuple["Clause", ...]


@dataclass(frozen=True, slots=True)
class ListMember:
    """A List of which a resource is an entry.

    Attributes:
        text: its id or functional name, as asked for.
        lists: what the List fulfils.
        entry: what the entry fulfils besides; None for nothing.
    """

    text: str
    lists: "Clause"
    entry: "Clause | None" = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One `_list`: the resource is an entry of one of the Lists."""

    members: tuple[ListMember, ...]


Clause = Criterion | Chain | Has | Every | Either | Without | Filter | Listed


def taken_apart(clauses: Iterable[Clause]) -> Iterator[Clause]:
    """List all that must hold, filters taken apart."""
    for clause in clauses:
        yield from clause.clauses if isinstance(clause, Filter) else (clause,)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of `_sort`.

    Attributes:
        parameters: its definition on each of the types searched.
        descending: largest first; missing values are last either way.
    """

    parameters: tuple[SearchParameter, ...]
    descending: bool

    @property
    def parameter(self) -> SearchParameter:
        """Its definition on the first of the types."""
        return self.parameters[0]

    @property
    def sps(self) -> tuple[int, ...]:
        """Numbers of its rows."""
        return tuple(parameter.rows_id for parameter in self.parameters)


@dataclass(frozen=True, slots=True)
class Include:
    """One `_include` or `_revinclude`.

    Attributes:
        source: type that holds the reference; "*" for any.
        code: its reference parameter; "*" for all.
        target: type of the other end; None for any.
        iterate: apply to what was included, too.
    """

    source: str
    code: str
    target: str | None
    iterate: bool


@dataclass(frozen=True, slots=True)
class Compartment:
    """The compartment that a search is confined to by its URL."""

    code: str
    id: str


@dataclass(frozen=True, slots=True)
class Query:
    """A search.

    Attributes:
        types: types searched, sorted; one unless the search is system-wide.
        whole_system: the URL names no type: `_type` or all of them.
        criteria: all must hold.
        compartment: where the URL confines the search to one.
        sort: keys in their order of importance.
        count: matches of a page as asked for, lowered to the maximum; None when not given.
        total: what `_total` asks for.
        summary: what `_summary` asks for.
        elements: what `_elements` asks for.
        include: forward includes.
        revinclude: reverse includes.
        contained: what `_contained` asks for; None when not given.
        contained_type: what `_containedType` asks for.
        ignored: a warning for each parameter that a lenient search left out.
    """

    types: tuple[str, ...]
    whole_system: bool = False
    criteria: tuple[Clause, ...] = ()
    compartment: Compartment | None = None
    sort: tuple[SortKey, ...] = ()
    count: int | None = None
    total: Total | None = None
    summary: Summary | None = None
    elements: tuple[str, ...] = ()
    include: tuple[Include, ...] = ()
    revinclude: tuple[Include, ...] = ()
    contained: Contained | None = None
    contained_type: ContainedType | None = None
    ignored: tuple[Issue, ...] = ()

    @property
    def space(self) -> Space:
        """Which resources it looks at."""
        if self.contained == "true":
            return "contained_"
        return "both_" if self.contained == "both" else ""
