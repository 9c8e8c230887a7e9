"""Tables: devices' codes in LOINC, units in UCUM, what belongs together and what can be.

table      loading a table and looking up metrics and units
grouping   readings of one measurement -> one compound
gate       values that no body has -> rejected
standard.json   the table that is shipped
"""
