"""Looking into bodies: FHIRPath by either of two engines, XPath, JSONPath.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.variable.path

    document    a body, read as JSON or as XML, whichever is asked for
    fhirpath    `expression` elements
    path        `path` elements: tells XPath from JSONPath
    xpath       on XML
    xml_tree    the XML that it looks at
    jsonpath    on JSON
    values      what was found, as text

What cannot be read or evaluated raises `PathError`, whose message is for a report.
"""
