"""Texts of forms."""

from flask import request


def form_text(name: str) -> str:
    """Give one field; "" where it is missing, or holds what no text of the database can."""
    text = request.form.get(name, "").strip()
    return "" if "\0" in text else text
