"""Patient compartments as SQL: which rows belong to certain patients. Pure.

`pat` of an index row is its compartment's patient; a resource in more compartments than rows are
copied for has its own row id there, and its memberships in the table `compartment`.

    one patient, direct     @.pat = the patient's row id
    one patient, overflow   @.pat among the row ids that `compartment` lists for the patient
"""

from dataclasses import dataclass
from functools import lru_cache

from fhirserver.definitions import Definitions
from fhirserver.search.condition_sql import select
from fhirserver.search.conditions import (
    ALWAYS,
    AnyOf,
    Column,
    Condition,
    Fragment,
    Key,
    Rows,
    both,
    either,
)

ANY_BEYOND = Fragment("(SELECT TRUE FROM compartment LIMIT 1)")
"""Most servers have no resource beyond the copies; the planner takes any small table for larger."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Patients whose compartments a search is confined to.

    Attributes:
        tid: number of the type Patient.
        ids: logical ids; none confines to nothing.
        answer: SQL that selects the patients' row ids, instead of logical ids; None where these
            are known.
    """

    tid: int
    ids: tuple[str, ...]
    answer: Fragment | None = None

    def one(self) -> Fragment:
        """Give the row id of the only patient as an SQL expression."""
        assert len(self.ids) == 1
        text = "(SELECT t.rid FROM resource t WHERE t.tid = %s AND t.id = %s)"
        return Fragment(text, (self.tid, self.ids[0]))

    def all(self) -> Fragment:
        """Give the row ids of all patients as an SQL array."""
        text = "SELECT t.rid FROM resource t WHERE t.tid = %s AND t.id = ANY(%s::text[])"
        return Fragment(f"ARRAY({text})", (self.tid, list(self.ids)))

    def each(self) -> Fragment:
        """Select the patients' row ids, one `pat` a row."""
        text = "SELECT t.rid AS pat FROM resource t WHERE t.tid = %s AND t.id = ANY(%s::text[])"
        return Fragment(text, (self.tid, list(self.ids)))

    def equals(self, column: str) -> Fragment:
        """Test that a column is the row id of one of the patients."""
        if len(self.ids) == 1:
            row_id = self.one()
            return Fragment(f"{column} = {row_id.text}", row_id.params)
        row_ids = self.all()
        return Fragment(f"{column} = ANY({row_ids.text})", row_ids.params)

    def branches(self) -> tuple[Fragment, ...]:
        """Test an index row's `pat`: the direct members, and those beyond the copies.

        Of an answer both are one list, and the answer is worked out once.
        """
        if self.answer is not None:
            return (self._answered(self.answer),)
        direct = self.equals("c.pat")
        listed = select("c.rid", "compartment c", direct)
        overflow = Fragment(f"@.pat = ANY(ARRAY({listed.text}))", listed.params)
        return self.equals("@.pat"), overflow

    def _answered(self, answer: Fragment) -> Fragment:
        every = select("rid", "reached", ALWAYS)
        among = Fragment(f"c.pat = ANY(ARRAY({every.text}))")
        beyond = select("c.rid", "compartment c", both(ANY_BEYOND, among))
        reached = f"WITH reached (rid) AS MATERIALIZED ({answer.text})"
        text = f"@.pat = ANY(ARRAY({reached} {every.text} UNION ALL {beyond.text}))"
        return Fragment(text, answer.params)

    def listed(self) -> Fragment:
        """Test an index row's `pat` by one list, which an index answers beside other columns."""
        patients = select("p.rid", "resource p", self.equals("p.rid"))
        members = select("c.rid", "compartment c", self.equals("c.pat"))
        text = f"@.pat = ANY(ARRAY({patients.text} UNION ALL {members.text}))"
        return Fragment(text, patients.params + members.params)

    def rows(self) -> Fragment:
        """Test an index row's `pat` in one expression."""
        return either(self.branches())


def home_or(scope: Scope | None) -> Fragment:
    """Choose the copies of index rows: one of each, or those of the patients."""
    return Fragment("@.home") if scope is None else scope.rows()


@lru_cache(maxsize=1024)
def member_parameters(
    code: str, types: tuple[str, ...], definitions: Definitions
) -> tuple[int, ...]:
    """List the reference parameters that put resources of some types into a compartment."""
    members = definitions.compartment(code)
    found: set[int] = set()
    for name in types:
        parameters = definitions.search_parameters(name)
        found |= {parameters[link].rows_id for link in members.get(name, ()) if link in parameters}
    return tuple(sorted(found))


def in_compartments(scope: Scope, types: tuple[str, ...], definitions: Definitions) -> Condition:
    """Test that a resource of some types is in the compartment of one of the patients.

    It looks at the references that make the membership, so it also serves rows of `resource`,
    whose `pat` names one compartment only.
    """
    sps = member_parameters("Patient", types, definitions)
    conditions: list[Condition] = []
    if sps:
        conditions.append(Rows("ref", sps, (scope.equals("@.target"),)))
    if "Patient" in types:
        conditions.append(Key(scope.equals("@.rid")))
    return AnyOf(tuple(conditions))


def of_types(types: tuple[str, ...], definitions: Definitions) -> Column:
    """Test the type of a resource."""
    return Column(of_types_fragment(types, definitions))


def of_types_fragment(types: tuple[str, ...], definitions: Definitions) -> Fragment:
    """Test the type of a row of `resource`."""
    tids = [definitions.type_id(name) for name in types]
    if len(tids) == 1:
        return Fragment("@.tid = %s", (tids[0],))
    return Fragment("@.tid = ANY(%s::smallint[])", (tids,))
