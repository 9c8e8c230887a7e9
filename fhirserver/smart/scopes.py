"""The scopes of a token that are about FHIR resources."""

import re
from functools import lru_cache

from fhirserver.access import Right, Scope

_SCOPE = re.compile(
    r"(patient|user|system)/([A-Z][A-Za-z]*|\*)\.(?!\?|$)(c?)(r?)(u?)(d?)(s?)", re.ASCII
)


@lru_cache(maxsize=1024)
def resource_scopes(text: str) -> tuple[Scope, ...]:
    """Give those of a list of scopes that are about resources; others grant nothing here."""
    return tuple(_scope(match) for match in map(_SCOPE.fullmatch, text.split()) if match)


def _scope(match: re.Match[str]) -> Scope:
    level, type_, *letters = match.groups()
    rights = Right(0)
    for right, letter in zip(Right, letters, strict=True):
        rights |= right if letter else Right(0)
    return Scope(level, type_, rights)  # type: ignore[arg-type]  # one of the three, by the pattern
