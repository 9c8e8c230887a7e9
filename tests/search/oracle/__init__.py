"""A naive matcher: R4's search rules, word by word, over JSON in memory.

Spec: https://hl7.org/fhir/R4/search.html

It is slow, knows a few types and parameters, and shares no code with the server, which is why it
can tell whether the server is right:

    matches({"resourceType": "Patient", "gender": "male"}, "Patient", [("gender", "male")])

    elements.py     where each parameter's values stand
    intervals.py    dates            texts.py     strings           amounts.py   numbers, units
    places.py       positions        hierarchies.py    value sets, codes and resources below others
    matcher.py      parameters, modifiers, AND and OR
    filters.py      `_filter`        orders.py    `_sort`
    world.py        chains, `_has`, filters along links, compartments
    resources.py, queries.py, aimed.py     what Hypothesis draws
    tally.py        how many answers agreed

What is not drawn: other types and parameters than those of `elements.py`; searches of several
types; `_list`, `_text`, includes and parts of resources; parameters of one's own; resources that
change between pages; compartments other than of patients and encounters; the order of quantities,
references and canonicals. Of terminology there are one code system and three value sets.
"""

from tests.search.oracle.matcher import NOW, matches

__all__ = ["NOW", "matches"]
