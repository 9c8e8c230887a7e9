"""HL7 version 2 messages of devices.

Spec: https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185 and the IHE Devices
Technical Framework, volume 2 (PCD-01)

    message      bytes -> segments, fields, components; separators, escapes, repetition
    characters   MSH-18 -> a codec
    times        DTM -> FHIR dateTime at its precision
    ack          which acknowledgements are wanted, and their text
    containment  OBX-4 and OBX-18 -> the devices a metric belongs to
    values       OBX-2, OBX-5, OBX-6 -> a value
    statuses     OBX-8, OBX-11 -> flags, reason of absence, status
    pcd01        ORU^R01 of IHE PCD-01 -> readings
"""
