"""What FHIR R4 publishes wrongly, and what we use instead; each entry names the fault."""

INVARIANT_EXPRESSIONS = {
    # Published as `answer is Boolean`, which is FHIRPath's System type: no element has it.
    "que-7": "operator = 'exists' implies (answer is boolean)",
    # Published as `count() > 2`; its own text says "more than one".
    "que-12": "enableWhen.count() > 1 implies enableBehavior.exists()",
    # Published as `(when in (...)).not()`: `in` takes one item, and `when` may repeat, so that
    # two codes end the evaluation in an error. The rule's text speaks of every `when`.
    "tim-9": (
        "offset.empty() or "
        "(when.exists() and when.where($this in ('C' | 'CM' | 'CD' | 'CV')).empty())"
    ),
}
"""Corrected expression by invariant key."""

RESOURCE_ID_TYPE = "id"
"""Type of Resource.id; the snapshots say `string`, the text and the schemas say `id`."""

EXAMPLE_SEARCH_PARAMETERS = frozenset(
    {
        "http://hl7.org/fhir/SearchParameter/example",
        "http://hl7.org/fhir/SearchParameter/example-reference",
    }
)
"""Canonicals of SearchParameters that only illustrate, and stand beside the real ones."""
