"""The device bridge: readings of medical devices become Observations, and none is lost.

It runs beside any FHIR R4 server, in a process of its own, and talks to it over HTTP only.

    framing      bytes of a connection -> frames
    journal      frames on the disk before they are acknowledged
    protocols    pure decoders, one a protocol: frame -> readings
    mapping      tables: codes and units of devices -> LOINC, UCUM, grouping
    fhir         readings -> resources in a transaction Bundle
    sender       transactions to the server, in the order of each source
    config       one YAML file, checked by a JSON Schema
    commands     `fhir-bridge`
"""
