"""`_list`: what a List names, by the List's id or by what it is kept for.

Spec: https://hl7.org/fhir/R4/search.html#list and https://hl7.org/fhir/R4/lifecycle.html#lists

    _list=42                 the entries of List/42
    _list=$current-problems  the entries of the patient's List of that code whose status is current

R4 gives functional lists names and LOINC codes, but does not say which List they are; here it is
the List whose code is one of R4's for it. Drug allergies have no code of their own: they are the
entries of the allergies list whose category is medication.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhirserver.model.reference import is_id
from fhirserver.search.context import SearchContext
from fhirserver.search.criteria import Given, parse_clause
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.query import Every, Listed, ListMember
from fhirserver.search.refusal import invalid_value, over_limit

NAME = "_list"
_USES = "http://terminology.hl7.org/CodeSystem/list-example-use-codes"
_LOINC = "http://loinc.org"
_ALLERGIES = f"{_USES}|allergies,{_LOINC}|48765-2,{_LOINC}|52472-8,{_LOINC}|18716-1"


@dataclass(frozen=True, slots=True)
class Functional:
    """A functional list.

    Attributes:
        codes: of its List, as values of List's `code`.
        entry: (type, name, value) that entries must also fulfil; None where all count.
    """

    codes: str
    entry: tuple[str, str, str] | None = None


FUNCTIONAL = {
    "$current-problems": Functional(f"{_USES}|problems,{_LOINC}|46105-3,{_LOINC}|11450-4"),
    "$current-medications": Functional(f"{_USES}|medications,{_LOINC}|57828-6,{_LOINC}|10160-0"),
    "$current-allergies": Functional(_ALLERGIES),
    "$current-drug-allergies": Functional(
        _ALLERGIES, ("AllergyIntolerance", "category", "medication")
    ),
}


def parse_list(
    given: Given, types: Sequence[str], patients: Sequence[str], context: SearchContext
) -> Listed:
    """Parse a `_list`; values that commas separate are alternatives.

    Args:
        given: the parameter as given.
        types: the types searched.
        patients: ids of those that the rest of the search confines it to; functional lists are
            theirs.
        context: what surrounds the query.

    Raises:
        InvalidSearchError: neither an id nor a functional list, or one without a patient.
    """
    if given.name != NAME:
        raise invalid_value(given.name, given.value, "this parameter takes no modifier")
    values = [unescape(part) for part in split(given.value, ",")]
    if len(values) > context.limits.values:
        raise over_limit(NAME, "values", context.limits.values)
    asked = _Asked(tuple(types), tuple(patients), context)
    return Listed(tuple(asked.member(value) for value in dict.fromkeys(values)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What surrounds the values."""

    types: tuple[str, ...]
    patients: tuple[str, ...]
    context: SearchContext

    def member(self, value: str) -> ListMember:
        functional = FUNCTIONAL.get(value)
        if functional is not None:
            return self.functional(value, functional)
        if not is_id(value):
            names = ", ".join(FUNCTIONAL)
            raise invalid_value(NAME, value, f"the id of a List, or one of {names}")
        found = parse_clause(Given(NAME, value), "_id", ("List",), self.context)
        return ListMember(value, found)

    def functional(self, value: str, functional: Functional) -> ListMember:
        if not self.patients:
            raise invalid_value(
                NAME, value, "say whose list: patient=..., or search the patient's compartment"
            )
        entry = None
        if functional.entry is not None:
            type_name, code, wanted = functional.entry
            if self.types != (type_name,):
                raise invalid_value(NAME, value, f"this list holds {type_name} resources")
            entry = parse_clause(Given(NAME, wanted), code, self.types, self.context)
        patients = ",".join(escape(f"Patient/{each}") for each in self.patients)
        named = (("status", "current"), ("code", functional.codes), ("patient", patients))
        clauses = (
            parse_clause(Given(NAME, wanted), code, ("List",), self.context)
            for code, wanted in named
        )
        return ListMember(value, Every(tuple(clauses)), entry)
