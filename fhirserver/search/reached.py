"""Patients that a chain leads to, as the compartments in which a search reads. Pure.

    Observation?patient.family=eve&code=a    rows of the code in the compartments of these patients

Where a reference puts resources into the compartment of the patient that it names, every index that
begins with the patient also serves a chain to many: what else those patients have is not read. A
row in these compartments fulfils the chain if the reference leads

    to the row's patient                one exact look-up
    to a contained or another target    they are listed once; their rows' `pat` is in the scope
    to a patient, beyond the copies     the row's `pat` is the resource itself; the chain is tested
"""

from collections.abc import Sequence
from typing import NamedTuple

from fhirserver.search.clauses import answer_to, leading_to
from fhirserver.search.condition_sql import all_of, of_parameters, on, select
from fhirserver.search.conditions import AllOf, AnyOf, Condition, Fragment, Key, Rows, both
from fhirserver.search.granted import Confined
from fhirserver.search.query import Chain
from fhirserver.search.scope import ANY_BEYOND, Scope, member_parameters


class Reached(NamedTuple):
    """The compartments of a chain.

    Attributes:
        scope: of the patients, and of what refers to other targets.
        test: what a row in them must fulfil instead of the chain.
    """

    scope: Scope
    test: Condition


def reached(chain: Chain, condition: Rows, confined: Confined) -> Reached | None:
    """Find the compartments of a chain; None where its reference makes no membership.

    Args:
        chain: its clause.
        condition: what it became.
        confined: the specification, and what the caller may see.
    """
    inner = dict(chain.targets).get("Patient")
    if inner is None or not _links(chain, confined):
        return None
    patients = answer_to("Patient", inner, confined, "")
    referring = _referring_elsewhere(chain, condition, confined)
    copies = select("x.pat", "ref x", referring)
    answer = Fragment(f"{patients.text} UNION ALL {copies.text}", patients.params + copies.params)
    scope = Scope(confined.definitions.type_id("Patient"), (), answer)
    others = select("x.rid", "ref x", referring)
    elsewhere = Key(Fragment(f"(@.rid IN ({others.text})) IS TRUE", others.params))
    beyond = AllOf((Key(both(ANY_BEYOND, Fragment("@.pat = @.rid"))), condition))
    return Reached(scope, AnyOf((_names_patient(chain.sps, patients), elsewhere, beyond)))


def _referring_elsewhere(chain: Chain, condition: Rows, confined: Confined) -> Fragment:
    """Test a reference `x` for the chain's targets that are no patients with a compartment."""
    answers = [
        answer_to(name, inner, confined, "contained_" if name == "Patient" else "both_")
        for name, inner in chain.targets
    ]
    rows = leading_to(condition, answers)
    return on(all_of([of_parameters(rows.sps), *rows.listed]), "x")


def _names_patient(sps: Sequence[int], patients: Fragment) -> Key:
    """Test that the row's patient is one of the chain's, and that the reference leads there."""
    among = Fragment(f"(@.pat IN ({patients.text})) IS TRUE", patients.params)
    # Not EXISTS, which the planner might turn into a hash of all references there are.
    which = on(of_parameters(sps), "f")
    same = Fragment("f.target = @.pat AND f.pat = @.pat AND f.rid = @.rid")
    found = select("TRUE", "ref f", both(which, same))
    return Key(both(among, Fragment(f"({found.text} LIMIT 1)", found.params)))


def _links(chain: Chain, confined: Confined) -> bool:
    """Whether the references put resources of all types into the compartment."""
    return all(
        each.rows_id in member_parameters("Patient", (each.base,), confined.definitions)
        for each in chain.parameters
    )
