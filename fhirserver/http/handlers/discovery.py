"""The documents below .well-known: JSON for everybody, whatever else they would take.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
"""

from fhirserver.errors import NotFoundError
from fhirserver.http.exchange import Exchange
from fhirserver.http.response import Response
from fhirserver.model.json import write_json
from fhirserver.smart.discovery import DOCUMENTS


def discovery(exchange: Exchange) -> Response:
    """Answer `GET .well-known/NAME`."""
    settings = exchange.services.settings
    document = DOCUMENTS.get(exchange.id)
    if document is None or settings.open:
        raise NotFoundError(
            f"Nothing is at .well-known/{exchange.id}; a server with authentication has "
            f"{' and '.join(DOCUMENTS)} there."
        )
    body = write_json(document(settings.public_url))
    return Response(200, [("Content-Type", "application/json")], body)
