"""JSON for reading: indented, coloured, with its references and addresses as links."""

from html import escape

from fhirserver.http.html.links import linked
from fhirserver.model.json import JsonValue, write_json

_REFERENCES = frozenset(("reference", "fullUrl", "location"))


def json_view(value: JsonValue, base_url: str) -> str:
    """Write a JSON value as the content of a `pre` element."""
    return _value(value, base_url, "", "\n")


def _value(value: JsonValue, base_url: str, key: str, margin: str) -> str:
    if isinstance(value, dict):
        items = [
            f'<span class="k">"{escape(name)}"</span>: '
            + _value(item, base_url, name, f"{margin}  ")
            for name, item in value.items()
        ]
        return _block("{", items, "}", margin)
    if isinstance(value, list):
        return _block(
            "[", [_value(item, base_url, key, f"{margin}  ") for item in value], "]", margin
        )
    if isinstance(value, str):
        encoded = write_json(value).decode()[1:-1]
        shown = (
            linked(value, base_url, is_reference=key in _REFERENCES)
            if encoded == value
            else linked(encoded, base_url)
        )
        return f'<span class="s">"{shown}"</span>'
    return f'<span class="n">{escape(write_json(value).decode())}</span>'


def _block(opening: str, items: list[str], closing: str, margin: str) -> str:
    if not items:
        return opening + closing
    inner = f"{margin}  "
    return opening + inner + f",{inner}".join(items) + margin + closing
