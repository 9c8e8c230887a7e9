"""How applications in the EHR should look, so that they look like its own pages.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling

The name has a digest of the content in it: what has changed has another address.
"""

import hashlib

from fhirserver.model.json import JsonObject, write_json

STYLE: JsonObject = {
    "color_background": "#ffffff",
    "color_error": "#b3261e",
    "color_highlight": "#1f5fae",
    "color_modal_backdrop": "#00000080",
    "color_success": "#1c7c3c",
    "color_text": "#1b1f24",
    "dim_border_radius": "4px",
    "dim_font_size": "16px",
    "dim_spacing_size": "8px",
    "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}
STYLE_NAME = f"{hashlib.sha256(write_json(STYLE)).hexdigest()[:16]}.json"


def style_address(base: str) -> str:
    """Give the URL of the style.

    Args:
        base: the FHIR base.
    """
    return f"{base.removesuffix('/fhir')}/oauth/style/{STYLE_NAME}"
