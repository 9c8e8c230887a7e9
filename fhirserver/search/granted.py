"""What a caller may see of each type, as conditions of searches. Pure.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html

A type has grants, and a resource is in reach if one of them covers it:

    patients   it lies in compartments of these patients and in none of anybody else, and contains
               nobody else
    where      it fulfils these criteria

A Patient counts as its own record alone, whatever other records it is linked to.

A search finds the compartments' resources by the copies of index rows; what else a grant asks for
becomes a condition, which everything that is found must fulfil.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fhirserver.definitions import Definitions
from fhirserver.search.conditions import (
    ALWAYS,
    AllOf,
    Column,
    Condition,
    Fragment,
    Key,
    any_condition,
)
from fhirserver.search.contained_people import containers_of_others
from fhirserver.search.criterion import criterion_condition
from fhirserver.search.query import Criterion
from fhirserver.search.scope import Scope, in_compartments, member_parameters, of_types


@dataclass(frozen=True, slots=True)
class Granted:
    """One reason for which resources of a type are in reach.

    Attributes:
        patients: logical ids of the patients in whose compartments they lie; None for no limits.
        where: what they fulfil besides.
    """

    patients: tuple[str, ...] | None = None
    where: tuple[Criterion, ...] = ()


EVERYTHING = (Granted(),)

Confine = Callable[[str], tuple[Granted, ...]]
"""Type -> what of it is in reach: what one of the grants covers. None: nothing."""


def everything(_type: str) -> tuple[Granted, ...]:
    """Confine nothing."""
    return EVERYTHING


@dataclass(frozen=True, slots=True)
class Limits:
    """What confines a search of some types.

    Attributes:
        patients: logical ids of patients in whose compartments every match lies; None for no
            limits.
        rest: what must hold besides within those compartments; None for nothing.
        is_whole: `rest` says all there is to say, and nothing about patients need be added.
    """

    patients: tuple[str, ...] | None = None
    rest: Condition | None = None
    is_whole: bool = False


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Confined:
    """The specification, and what the caller may see of each type."""

    definitions: Definitions
    confine: Confine

    def scope(self, patients: Sequence[str]) -> Scope:
        """Make the scope of some patients."""
        return Scope(self.definitions.type_id("Patient"), tuple(patients))

    def limits(self, types: Sequence[str], within: tuple[str, ...] | None = None) -> Limits:
        """Say what confines a search of types, of each of which something is in reach.

        Args:
            types: searched.
            within: those of the patients in whose compartments every match lies anyway; None
                where the search names none.
        """
        grants = {self.confine(name) for name in types}
        if grants == {EVERYTHING}:
            return NO_LIMITS
        patients = _patients(grants)
        if len(grants) == 1:
            (only,) = grants
            if len(only) == 1 and patients is not None and not only[0].where:
                return Limits(patients, self._nobody_elses(patients, types, within))
        return Limits(patients, self.in_reach(types), is_whole=True)

    def in_reach(self, types: Sequence[str]) -> Condition | None:
        """Give the condition that a resource of some types is in reach; None if all of them are."""
        groups: dict[tuple[Granted, ...], list[str]] = {}
        for name in types:
            groups.setdefault(self.confine(name), []).append(name)
        if set(groups) == {EVERYTHING}:
            return None
        found: list[Condition] = []
        for grants, names in groups.items():
            covered = any_condition([self._covered(each, names) for each in grants])
            if len(groups) > 1:
                covered = AllOf((of_types(tuple(names), self.definitions), covered))
            if grants:
                found.append(covered)
        return any_condition(found)

    def _covered(self, grant: Granted, types: Sequence[str]) -> Condition:
        tests = [criterion_condition(each, self.definitions) for each in grant.where]
        if grant.patients is not None:
            scope = self.scope(grant.patients)
            tests.append(in_compartments(scope, tuple(types), self.definitions))
            tests.append(self._nobody_elses(grant.patients, types, None))
        return AllOf(tuple(tests)) if tests else Column(ALWAYS)

    def _nobody_elses(
        self, patients: Sequence[str], types: Sequence[str], within: Sequence[str] | None
    ) -> Key:
        """Test that a member of patients' compartments is in nobody else's and contains nobody.

        What is in several compartments has its references once for each of them, and an index holds
        those of the copies beside the first; it is small, as most resources are in one. What has
        more compartments than copies is listed in `compartment`. Where the search stays within some
        of the compartments, what those share is all that counts.
        """
        tid = self.definitions.type_id("Patient")
        sps = list(member_parameters("Patient", tuple(types), self.definitions))
        containing = containers_of_others(self.definitions)
        pinned = patients if within is None else within
        params = (tid, list(patients), tid, list(pinned), sps, *containing.params)
        text = _NOBODY_ELSES.replace("{containing}", containing.text)
        return Key(Fragment(text, params), is_listed=True)


_NOBODY_ELSES = """@.rid NOT IN (
    WITH granted AS MATERIALIZED (
        SELECT t.rid FROM resource t WHERE t.tid = %s AND t.id = ANY(%s::text[])),
    pinned AS MATERIALIZED (
        SELECT t.rid FROM resource t WHERE t.tid = %s AND t.id = ANY(%s::text[]))
    SELECT s.rid FROM pinned g CROSS JOIN LATERAL (
        SELECT m.pat, m.rid FROM ref m
        WHERE NOT m.home AND m.target = g.rid AND m.sp = ANY(%s::smallint[]) OFFSET 0) s
    WHERE s.rid NOT IN (SELECT rid FROM granted) AND (
        s.pat NOT IN (SELECT rid FROM granted)
        OR (SELECT o.pat FROM resource o WHERE o.rid = s.rid) NOT IN (SELECT rid FROM granted))
    UNION ALL
    SELECT c.rid FROM compartment c
    WHERE c.pat = ANY(ARRAY(SELECT rid FROM pinned)) AND c.rid NOT IN (SELECT rid FROM granted)
        AND (SELECT bool_and(x.pat IN (SELECT rid FROM granted)) FROM compartment x
            WHERE x.rid = c.rid) IS NOT TRUE
    UNION ALL
    {containing})"""


def _patients(grants: set[tuple[Granted, ...]]) -> tuple[str, ...] | None:
    """List the patients that all grants together confine to; None where one of them does not."""
    found: dict[str, None] = {}
    for each in (grant for of_type in grants for grant in of_type):
        if each.patients is None:
            return None
        found |= dict.fromkeys(each.patients)
    return tuple(found)
