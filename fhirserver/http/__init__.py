"""The FHIR RESTful API over HTTP, as a function of a request.

Spec: https://hl7.org/fhir/R4/http.html

    wsgi.py         octets in, octets out: the only file that knows WSGI
    application.py  FhirApplication.handle(Request) -> Response, errors included
    routing.py      path and method -> interaction
    negotiation.py  formats of both bodies
    handlers/       one file per group of interactions: HTTP's words into an interaction's arguments
    outcome.py      every failure -> OperationOutcome
    html/           resources, Bundles and outcomes for a person with a browser

Nothing below this package knows HTTP; nothing in it knows SQL.
"""
