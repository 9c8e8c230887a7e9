"""What extraction finds: the index rows of one resource, before anything has a row id.

The walk writes into a `Sink`; `IndexRows` is what it leaves behind, without duplicates.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from fhirserver.model.json import JsonObject

TokenRow = tuple[int, int, str]
StringRow = tuple[int, str, str]
DateRow = tuple[int, int, int]
ReferenceRow = tuple[int, str, str]
QuantityRow = tuple[
    int, int, str, str, Decimal, Decimal, str | None, Decimal | None, Decimal | None
]


ENTRY = -1
"""The place of the first entry of a Bundle."""
WHOLE = -2
"""The place of the resource that contains the others."""


class CompositeRow(NamedTuple):
    """Values that stand together in one element, as columns of the table `composite`.

    A composite's first part is a token, or the target of a reference as such; the second fills
    the columns of its type, and a third one, a number, the last. A position has no code, and its
    latitude and longitude as numbers. Numbers and keys are texts without needless digits, so that
    equal rows are equal texts.

    Attributes:
        sp, system, code: parameter, and key of the first part.
        t_system, t_code: a token.
        q_system ... q_c_high: a quantity or number, as in a `QuantityRow`.
        d_lo, d_hi: a date.
        s_norm, s_exact: a text.
        e_low, e_high: a third part.
    """

    sp: int
    system: int
    code: str
    t_system: str | None = None
    t_code: str | None = None
    q_system: str | None = None
    q_code: str | None = None
    q_unit: str | None = None
    q_low: str | None = None
    q_high: str | None = None
    q_c_unit: str | None = None
    q_c_low: str | None = None
    q_c_high: str | None = None
    d_lo: str | None = None
    d_hi: str | None = None
    s_norm: str | None = None
    s_exact: str | None = None
    e_low: str | None = None
    e_high: str | None = None


class LocalReference(NamedTuple):
    """A literal reference to a resource of this server, and where it stands.

    Attributes:
        path: FHIRPath location of the Reference, e.g. "Encounter.participant[0].individual".
        version: None unless the reference names one.
    """

    path: str
    type: str
    id: str
    version: str | None


class StrayReference(NamedTuple):
    """A literal reference below this server's base that is no resource's address.

    Attributes:
        path: see `LocalReference`.
        literal: as it was sent.
    """

    path: str
    literal: str


@dataclass(slots=True)
class IndexRows:
    """The index rows of one resource; every list is without duplicates.

    Attributes:
        token: (sp, system key, code key); uri parameters too, with system 0.
        string: (sp, folded text, text); what `:text` of a token parameter searches too.
        date: (sp, lower, upper) in epoch microseconds, half-open.
        reference: (sp, target type, target id) of local references.
        quantity: (sp, system key, code, unit, low, high, canonical unit, canonical low, high);
            numbers have system 0, no code and no unit.
        composite: values that stand together in one element.
        narrative: (sp, words of the narrative, a blank between them).
        content: (sp, words of the whole resource, a blank between them).
        internal: (sp, place) of references to what stands inside the resource: a number among
            what is contained, ENTRY or WHOLE.
        contained: what stands inside it, by place.
        present: parameters that have a value, ascending. An alias that counts one target type
            alone (patient for subject) stands here under its own number too. Negative: what has
            no row that gives it a place in an order.
        main_date: lower bound of the type's main clinical date; None if it has none.
        patients: ("Patient", id) of the Patient compartments it belongs to, a Patient's own first.
        references: every literal local reference, also of contained resources and extensions.
        stray: those below the server's base that are no resource's address.
        registry: version of the search parameters of one's own that they were made with.
        base_url: the server's FHIR base that they were made with.
    """

    token: list[TokenRow] = field(default_factory=list)
    string: list[StringRow] = field(default_factory=list)
    date: list[DateRow] = field(default_factory=list)
    reference: list[ReferenceRow] = field(default_factory=list)
    quantity: list[QuantityRow] = field(default_factory=list)
    composite: list[CompositeRow] = field(default_factory=list)
    narrative: list[tuple[int, str]] = field(default_factory=list)
    content: list[tuple[int, str]] = field(default_factory=list)
    internal: list[tuple[int, int]] = field(default_factory=list)
    contained: list["Inside"] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    main_date: int | None = None
    patients: list[tuple[str, str]] = field(default_factory=list)
    references: list[LocalReference] = field(default_factory=list)
    stray: list[StrayReference] = field(default_factory=list)
    registry: int = 0
    base_url: str | None = None


@dataclass(frozen=True, slots=True)
class Inside:
    """A resource that stands inside another.

    Attributes:
        type: its resource type.
        id: its id there; "" if it has none.
        place: number among what is contained, or ENTRY.
        rows: its index rows; it has no compartments of its own.
    """

    type: str
    id: str
    place: int
    rows: IndexRows


class Sink:
    """Where emitters put rows during one walk.

    Attributes:
        base_url: the server's FHIR base, to recognise its own absolute URLs.
        local_types: types that a local reference can point at.
        resource: what is walked.
        internal: (sp, id) of references such as "#id".
    """

    __slots__ = (
        "base_url",
        "composite",
        "date",
        "internal",
        "local_types",
        "present",
        "quantity",
        "reference",
        "resource",
        "string",
        "token",
    )

    def __init__(
        self, base_url: str | None, local_types: frozenset[str], resource: JsonObject
    ) -> None:
        self.base_url = base_url
        self.local_types = local_types
        self.resource = resource
        self.token: list[TokenRow] = []
        self.string: list[StringRow] = []
        self.date: list[DateRow] = []
        self.reference: list[ReferenceRow] = []
        self.quantity: list[QuantityRow] = []
        self.composite: list[CompositeRow] = []
        self.internal: list[tuple[int, str]] = []
        self.present: list[int] = []


class Target(NamedTuple):
    """The parameters that an element's value is indexed for.

    Attributes:
        sps: numbers, one row is written for each.
        system: key of the implicit system of a `code`; 0 if it has none.
    """

    sps: tuple[int, ...]
    system: int = 0


Emit = Callable[[Any, Sink, Target], None]
"""Writes the rows of one value, which is JSON of the datatype it is listed under."""
