"""FHIR XML and FHIR JSON, one into the other by the element table.

Spec: https://hl7.org/fhir/R4/xml.html and https://hl7.org/fhir/R4/json.html

    JSON                                            XML
    {"resourceType": "Patient", ...}                <Patient xmlns="http://hl7.org/fhir">...</Patient>
    "birthDate": "1970"                             <birthDate value="1970"/>
    "_birthDate": {"id": "b", "extension": [...]}   <birthDate id="b"><extension .../></birthDate>
    Element.id, Extension.url                       attributes
    "given": ["A", "B"]                             <given value="A"/><given value="B"/>
    "contained": [{...}]                            <contained><Patient>...</Patient></contained>
    "div": "<div ...>"                              the element itself, in the XHTML namespace

Elements stand in the order of the specification. Decimals keep their digits both ways. Comments and
processing instructions are not content and are dropped; a document type declaration is refused.
"""

from fhirserver.model.xml_reader import parse_xml
from fhirserver.model.xml_writer import write_xml

__all__ = ["parse_xml", "write_xml"]
