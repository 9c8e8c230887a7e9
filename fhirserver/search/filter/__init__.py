"""`_filter`: an expression over search parameters.

Spec: https://hl7.org/fhir/R4/search_filter.html

    tree.py     the expression as data, and how it is written
    read.py     text -> expression
    clauses.py  expression -> clauses of a query, those of ordinary parameters
"""
