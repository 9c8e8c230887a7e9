"""Where the authorization server is, as discovery and the CapabilityStatement say.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html and its extension oauth-uris
"""

from fhirserver.model.json import JsonObject

PATHS = {
    "authorize": "/oauth/authorize",
    "token": "/oauth/token",
    "register": "/oauth/register",
    "introspect": "/oauth/introspect",
    "revoke": "/oauth/revoke",
    "manage": "/apps",
    "userinfo": "/oauth/userinfo",
    "jwks": "/oauth/jwks",
    "logout": "/oauth/logout",
}
"""Below the server's root."""
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_IN_EXTENSION = ("authorize", "token", "register", "introspect", "revoke", "manage")
_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def address(base: str, name: str) -> str:
    """Give the absolute URL of one of PATHS.

    Args:
        base: the FHIR base, which is the issuer too.
        name: of the place.
    """
    return f"{base.removesuffix('/fhir')}{PATHS[name]}"


def security(base: str) -> JsonObject:
    """Describe the authorization server for a CapabilityStatement."""
    return {
        "extension": [
            {
                "url": _OAUTH_URIS,
                "extension": [
                    {"url": name, "valueUri": address(base, name)} for name in _IN_EXTENSION
                ],
            }
        ],
        "cors": True,
        "service": [
            {
                "coding": [
                    {"system": _SERVICES, "code": "SMART-on-FHIR", "display": "SMART-on-FHIR"}
                ],
                "text": "OAuth2 by SMART App Launch (see .well-known/smart-configuration)",
            }
        ],
    }
