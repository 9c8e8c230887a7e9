"""Patients by what is in their compartments, for `_has`. Pure.

The copy of an index row in a patient's compartment names the patient. So `_has` from a member of
the compartment needs no list of references: an index that begins with code and patient gives the
patients in their order, and each row's reference is one exact look-up. Where the rows are few they
are listed first, by whatever index says most.
"""

from fhirserver.search.condition_sql import all_of, on, row_test, select
from fhirserver.search.conditions import ALWAYS, Fragment, Owners
from fhirserver.search.scope import ANY_BEYOND


def owner_ids(owners: Owners) -> Fragment:
    """Select the patients' row ids."""
    direct, listed = owner_rows(owners)
    union = f"({direct.text} UNION ALL {listed.text}) o"
    return select("o.rid", union, Fragment("TRUE", direct.params + listed.params))


def owner_rows(owners: Owners) -> tuple[Fragment, Fragment]:
    """Select the patients as `pat` and `rid`: those of the copies, and those beyond them."""
    return _pointing(owners, owners.rows.table, row_test(owners.rows))


def owners_among(owners: Owners, listed: str) -> tuple[Fragment, Fragment]:
    """Select the same by a list of the rows, each `pat` and `rid`."""
    return _pointing(owners, listed, ALWAYS)


def _pointing(owners: Owners, table: str, which: Fragment) -> tuple[Fragment, Fragment]:
    test_of_row = on(which, "x")
    # Not EXISTS, which the planner would turn into a join with all references there are.
    pointing = "(SELECT TRUE FROM ref f WHERE f.sp = %s AND f.rid = x.rid AND f.pat = x.pat"
    direct = Fragment(f"{pointing} AND f.target = x.pat LIMIT 1)", (owners.sp,))
    listed = Fragment(f"{pointing} AND f.target = c.pat LIMIT 1)", (owners.sp,))
    beyond = f"compartment c JOIN {table} x ON x.pat = c.rid AND x.rid = c.rid"
    return (
        select("x.pat, x.pat AS rid", f"{table} x", all_of([test_of_row, direct])),
        select("c.pat, c.pat AS rid", beyond, all_of([ANY_BEYOND, test_of_row, listed])),
    )
