"""Readings become resources of FHIR R4, in a transaction that may be sent any number of times.

json_text     JSON whose decimals keep their digits
identity      identifiers that are the same whenever the same is said
terms         codings, quantities, times
devices       Device for each level, DeviceMetric for each metric
observation   one measurement -> Observation
provenance    from which message, by which mapping
bundle        all of it as one transaction
precedence    what the server has already against what is newer
"""
