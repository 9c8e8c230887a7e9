"""A naive matcher: R4's search rules, word by word, over JSON in memory.

Spec: https://hl7.org/fhir/R4/search.html

It is slow, knows a few types and parameters, and shares no code with the server, which is why it
can tell whether the server is right:

    matches({"resourceType": "Patient", "gender": "male"}, "Patient", [("gender", "male")])

    elements.py     where each parameter's values stand
    intervals.py    dates            texts.py     strings           amounts.py   numbers, units
    matcher.py      parameters, modifiers, AND and OR
    resources.py, queries.py         what Hypothesis draws
"""

from tests.search.oracle.matcher import NOW, matches

__all__ = ["NOW", "matches"]
