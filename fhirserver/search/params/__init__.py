"""Search parameter types, one file each.

Spec: https://hl7.org/fhir/R4/search.html#ptypes

Every file has the same three parts: `MODIFIERS` that its type takes besides `:missing`, `parse`
for one value (still escaped, already split at commas), and `condition` for all values of a
criterion together. A value knows its own text (`render`), so that a query can be written again.
"""
