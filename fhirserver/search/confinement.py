"""Which patients' compartments a search stays in: by its URL, its criteria and its caller. Pure.

Spec: https://hl7.org/fhir/R4/compartmentdefinition.html

    /Patient/23/Observation     the compartment of the URL
    Observation?patient=23      a criterion that only members of the compartment can fulfil
    the caller's patients       what access grants, which may differ from type to type

The narrowest becomes the scope, the `pat` of the rows that are read; what it does not express
becomes a condition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fhirserver.definitions import Definitions
from fhirserver.search.conditions import AnyOf, Condition, Key, Rows
from fhirserver.search.granted import Confined, everything
from fhirserver.search.params.reference import ReferenceValue, target
from fhirserver.search.query import (
    Chain,
    Clause,
    Compartment,
    Criterion,
    Either,
    Every,
    Filter,
    Has,
    Listed,
    Query,
    Without,
    taken_apart,
)
from fhirserver.search.scope import Scope, member_parameters


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a search is confined to.

    Attributes:
        types: those of the types searched that the caller may see; none if the scope excludes all.
        scope: patients in whose compartments every match lies; None for no limits.
        pin: the criterion that the scope follows from; None if it does not follow from one.
        conditions: what the scope does not express.
    """

    types: tuple[str, ...]
    scope: Scope | None = None
    pin: Criterion | None = None
    conditions: tuple[Condition, ...] = ()


NOTHING = Confinement(())


def confine_query(query: Query, confined: Confined) -> Confinement:
    """Find out what a search is confined to."""
    types = tuple(name for name in query.types if confined.confine(name))
    if not types:
        return NOTHING
    ids = confined.limits(types).patients
    pin, patients = _pin(query, types, confined, ids)
    if ids is not None and not set(patients or ()) <= set(ids):
        return NOTHING
    rest = confined.limits(types, patients).rest
    conditions = () if rest is None else (rest,)
    if query.compartment is not None and query.compartment.code != "Patient":
        conditions = (*conditions, membership(query.compartment, types, confined))
    scope = None if patients is None else confined.scope(patients)
    return Confinement(types, scope, pin, conditions)


def _pin(
    query: Query, types: tuple[str, ...], confined: Confined, ids: tuple[str, ...] | None
) -> tuple[Criterion | None, tuple[str, ...] | None]:
    """Find the patients in whose compartments all matches lie, and the criterion that says so.

    Args:
        query: what is asked.
        types: that the caller may see.
        confined: the specification, and what the caller may see of each type.
        ids: patients whom the caller may see; None for no limits.
    """
    if query.compartment is not None and query.compartment.code == "Patient":
        return None, (query.compartment.id,)
    for clause in taken_apart(query.criteria):
        pinned = pinned_patients(clause, types, confined)
        if pinned and (ids is None or set(pinned) <= set(ids)):
            assert isinstance(clause, Criterion)
            return clause, pinned
    return None, ids


def pinned_patients(clause: Clause, types: Sequence[str], confined: Confined) -> tuple[str, ...]:
    """List the patients to whose compartments a criterion confines; none if it does not."""
    if not isinstance(clause, Criterion) or clause.parameter.type != "reference":
        return ()
    ids = [
        value.id
        for value in clause.values
        if isinstance(value, ReferenceValue) and value.types == ("Patient",) and not value.url
    ]
    if len(ids) < len(clause.values) or not _links(clause, types, confined):
        return ()
    return tuple(dict.fromkeys(ids))


def patients_of(
    clauses: Iterable[Clause], types: Sequence[str], definitions: Definitions
) -> tuple[str, ...]:
    """List the patients that a search asks about: by `patient`, or by what confines it to them."""
    unconfined = Confined(definitions, everything)
    for clause in taken_apart(clauses):
        found = _named_patients(clause) or pinned_patients(clause, types, unconfined)
        if found:
            return found
    return ()


def _named_patients(clause: Clause) -> tuple[str, ...]:
    """List the values of `patient`, which R4 lets point at groups too; none if one is no id."""
    if not isinstance(clause, Criterion) or clause.parameter.code != "patient":
        return ()
    ids = [
        value.id
        for value in clause.values
        if isinstance(value, ReferenceValue) and "Patient" in value.types and not value.url
    ]
    return tuple(ids) if len(ids) == len(clause.values) else ()


def says_no_more(clause: Criterion, confinement: Confinement, confined: Confined) -> bool:
    """Tell whether a criterion says just what the scope does: no other reference links."""
    return clause is confinement.pin and all(
        each.base != "Patient"
        and member_parameters("Patient", (each.base,), confined.definitions) == (each.rows_id,)
        for each in clause.parameters
        if each.base in confinement.types
    )


def on_types(clause: Clause, types: Sequence[str]) -> Clause:
    """Narrow a clause of a system-wide search to those types that the caller may see."""
    match clause:
        case Has() | Listed():
            return clause
        case Every() | Either() | Filter():
            return replace(clause, clauses=tuple(on_types(each, types) for each in clause.clauses))
        case Without():
            return Without(on_types(clause.clause, types))
        case Criterion() | Chain():
            return _on_parameters(clause, types)


def _on_parameters(clause: Criterion | Chain, types: Sequence[str]) -> Clause:
    if len(clause.parameters) == len(types):
        return clause
    kept = tuple(parameter for parameter in clause.parameters if parameter.base in types)
    return replace(clause, parameters=kept)


def _links(clause: Criterion, types: Sequence[str], confined: Confined) -> bool:
    """Whether the parameter puts resources of every type into the compartment."""
    return all(
        parameter.rows_id in member_parameters("Patient", (parameter.base,), confined.definitions)
        for parameter in clause.parameters
        if parameter.base in types
    )


def membership(compartment: Compartment, types: tuple[str, ...], confined: Confined) -> Condition:
    """Test membership in a compartment by the references that make it."""
    definitions = confined.definitions
    focus = target((compartment.code,), compartment.id, definitions)
    conditions: list[Condition] = []
    sps = member_parameters(compartment.code, types, definitions)
    if sps:
        conditions.append(Rows("ref", sps, (focus,)))
    if compartment.code in types:
        conditions.append(Key(focus._replace(text=focus.text.replace("@.target", "@.rid"))))
    return conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions))
