"""Somebody else, contained in a resource that is about a patient. Pure.

Spec: https://hl7.org/fhir/R4/references.html#contained

What is contained is in reach with what contains it. Only a person is looked at by itself, for a
record about one patient may carry the name and address of another one in it:

    Patient, Person   is taken for somebody else: nothing that is contained has an identity
    RelatedPerson     belongs to the patient that its own `patient` names
    any other         is its container's

A resource that contains somebody else is in reach as if it lay in that person's compartment, too.
"""

from collections.abc import Collection
from functools import lru_cache

from fhirserver.definitions import Definitions
from fhirserver.search.conditions import Fragment
from fhirserver.search.extract import IndexRows

PEOPLE = ("Patient", "Person", "RelatedPerson")
_CONTAINERS = """SELECT k.container FROM contained k
    WHERE k.pat = ANY(ARRAY(
            SELECT rid FROM pinned UNION ALL
            SELECT c.rid FROM compartment c WHERE c.pat = ANY(ARRAY(SELECT rid FROM pinned))))
        AND k.tid = ANY(%s::smallint[])
        AND k.rid NOT IN (
            SELECT m.rid FROM contained_ref m
            WHERE m.sp = %s AND m.target = ANY(ARRAY(SELECT rid FROM granted)))"""


def containers_of_others(definitions: Definitions) -> Fragment:
    """Select row ids of what contains somebody else than the patients whose row ids `granted` has.

    It lists what lies in the compartments of those whose row ids `pinned` has.
    """
    tids = [definitions.type_id(name) for name in PEOPLE]
    return Fragment(_CONTAINERS, (tids, _relation(definitions)))


def contains_others(rows: IndexRows, patients: Collection[str], definitions: Definitions) -> bool:
    """Whether a resource contains somebody else than some patients or those related to them.

    Args:
        rows: its index rows.
        patients: logical ids.
        definitions: the R4 specification.
    """
    relation = _relation(definitions)
    return any(
        not any(sp == relation and id_ in patients for sp, _, id_ in inside.rows.reference)
        for inside in rows.contained
        if inside.type in PEOPLE
    )


@lru_cache(maxsize=64)
def _relation(definitions: Definitions) -> int:
    """Give the number of the rows that name the patient of a RelatedPerson."""
    return definitions.search_parameters("RelatedPerson")["patient"].rows_id
