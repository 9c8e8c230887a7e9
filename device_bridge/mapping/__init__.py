"""Tables: codes of devices in LOINC, units in UCUM, what belongs together and what can be.

table           looking up metrics and units
files           a hospital's own tables
grouping        readings of one measurement -> one compound
gate            values that nobody has -> rejected
standard.json   the table that is shipped
"""
