"""Preconditions that a write would pass over: whoever sends one relies on it. Pure.

Spec: https://hl7.org/fhir/R4/http.html#concurrency and #ccreate; RFC 9110 section 13.1

    create                  If-None-Exist
    update                  If-Match, If-None-Match: *
    patch, delete           If-Match
    batch, transaction      none: each entry has its own

The conditional forms are as those without a condition.
"""

from fhirserver.interactions.types import WriteOptions

_HEEDED = {
    "create": {"If-None-Exist"},
    "update": {"If-Match", "If-None-Match"},
    "patch": {"If-Match"},
    "delete": {"If-Match"},
}


def unheeded(interaction: str, options: WriteOptions) -> list[str]:
    """Name the headers of preconditions that a write does not heed.

    Args:
        interaction: FHIR's code, maybe with "conditional-" before it.
        options: of the write.

    Returns:
        E.g. ["If-None-Exist"]; an entry of a Bundle has `ifNoneExist` for it.
    """
    given = {
        "If-Match": options.if_match is not None,
        "If-None-Match": options.if_none_match_any,
        "If-None-Exist": options.if_none_exist is not None,
    }
    heeded = _HEEDED.get(interaction.removeprefix("conditional-"), ())
    return [name for name, is_given in given.items() if is_given and name not in heeded]
