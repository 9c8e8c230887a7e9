"""Messages of HL7 v2 become resources, as mapping files say; nothing of a message type is code.

Spec: https://build.fhir.org/ig/HL7/v2-to-fhir

files         mapping files and tables of codes, checked with the line at fault
structure     a flat list of segments -> groups within groups
pieces        a field, its repetitions, components and subcomponents
datatypes     datatypes of HL7 v2 -> datatypes of FHIR, by name
results       OBX-5 -> value[x]
parties       people, organizations and places that a field names -> resources of their own
templates     the language of mapping files: a resource with rules for its elements
transactions  all of it as one transaction of what is to be created, updated or found
maps          the mapping files that are shipped
"""
