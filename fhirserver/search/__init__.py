"""Search: from query parameters to a plan and its SQL, and from resources to index rows.

Spec: https://hl7.org/fhir/R4/search.html

    parse.py       pairs of names and values -> Query     (criteria.py, results.py, escape.py)
    render.py      Query -> canonical query string of the self link
    params/        one file per parameter type: values, and the conditions they become
    filter/        `_filter`: expressions over the same parameters
    lists.py       `_list`
    plan.py        Query + compartments the caller is confined to -> Plan   (conditions.py)
    sql.py         Plan -> SQL text and parameters
    cursor.py      sealed paging links
    keys.py        normalisations that stored values and search values share
    extract/       resource -> index rows

Everything here is pure; `fhirserver.store.search` runs the SQL.
"""
