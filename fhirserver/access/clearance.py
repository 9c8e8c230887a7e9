"""Security labels as clearance: which labels keep a resource from whom. Pure.

Spec: https://hl7.org/fhir/R4/security-labels.html

    confidentiality   U L M N are ordinary, and so is what has no label; R and V are not
    sensitivity       any code of v3-ActCode's information sensitivity policies is not
    any other label   says how to handle what one may see, and decides nothing here

A resource is in reach of whoever is cleared for every one of its labels that is not ordinary. A
label counts by its code, whatever system it names, so that one without a system, or with the name
that its system had before R4, hides as well. Labels stand on resources as a whole: R4 allows none
on what is contained (dom-5).
"""

from collections.abc import Collection, Sequence
from functools import lru_cache

from fhirserver.definitions.sensitive import (
    EXTRAORDINARY,
    RESTRICTED,
    SENSITIVE,
    VERY_RESTRICTED,
)

ORDINARY: frozenset[str] = frozenset()
CARE = SENSITIVE | {RESTRICTED}
EVERY = frozenset(EXTRAORDINARY)
"""What one is cleared for beyond the ordinary."""


@lru_cache(maxsize=64)
def withheld(cleared: Collection[str]) -> tuple[str, ...]:
    """List the labels that keep a resource from whoever is cleared for some, sorted.

    Args:
        cleared: codes beyond the ordinary, hashable.
    """
    return tuple(sorted(EVERY.difference(cleared)))


def told_withheld(labels: Sequence[str]) -> str:
    """Tell labels that are withheld in words; "" for none."""
    found = [each for each in (RESTRICTED, VERY_RESTRICTED) if each in labels]
    sensitive = len(SENSITIVE.intersection(labels))
    if sensitive:
        found.append(f"one of {sensitive} sensitivities")
    return f"not labelled {' or '.join(found)}" if found else ""
