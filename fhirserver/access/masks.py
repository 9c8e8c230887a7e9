"""Elements that are withheld from roles: what each needs least, as a table. Pure.

Rule: 45 CFR 164.502(b), minimum necessary.

What is listed for a type, or for a group of types, is an element of the top level by its name
without [x], or, with a capital, the datatype of such elements; what a type does not have is passed
over. `text` is withheld with every type that is listed, as a narrative may tell all that the
elements do. Types that a role reads nothing of count for what is contained in something else.

`meta`, `id` and what would change the meaning of the rest (`modifierExtension`) are never withheld.
"""

from collections.abc import Mapping
from functools import lru_cache

from fhirserver.access.type_groups import GROUPS
from fhirserver.definitions import r4

Masks = Mapping[str, tuple[str, ...]]
"""Type -> names of elements that are withheld, sorted; no entry where nothing is."""

NARRATIVE = "text"
_REASONS = ("contained", "reasonCode", "reasonReference")
_TRACES = ("Address", "Annotation", "Attachment", "ContactPoint", "HumanName", "Identifier",
           "extension")  # fmt: skip

MASKED: dict[str, dict[str, tuple[str, ...]]] = {
    "billing": {
        "people": ("communication", "photo"),
        "diagnoses": ("Annotation", "evidence", "followUp", "report", "stage"),
        "chart": ("Annotation", "Attachment", "conclusion"),
        "orders": ("Annotation",),
        "visits": (),
        "Appointment": ("comment", "patientInstruction", "supportingInformation"),
        "AppointmentResponse": ("comment",),
    },
    "front-desk": {
        "visits": (*_REASONS, "diagnosis"),
        "Appointment": (*_REASONS, "comment", "supportingInformation"),
    },
    "researcher": {
        "people": (*_TRACES, "birthDate", "contact", "deceased"),
        "diagnoses": _TRACES,
        "chart": (*_TRACES, "born", "conclusion", "name"),
        "answers": _TRACES,
        "orders": (*_TRACES, "patientInstruction"),
        "visits": _TRACES,
        "cohorts": _TRACES,
    },
}
"""Role -> type or group of types -> elements; who is not here sees all of what it may read."""


@lru_cache(maxsize=64)
def masks_of(role: str) -> Masks:
    """Give what is withheld from a role; nothing from one that is not in the table."""
    return {
        type_: _elements(type_, words)
        for name, words in MASKED.get(role, {}).items()
        for type_ in GROUPS.get(name, (name,))
    }


def _elements(type_: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Name the elements of a type that are listed, by name or datatype."""
    found = {
        each.base_name
        for each in r4().node(type_).elements.values()
        if each.base_name in (NARRATIVE, *words) or each.type in words
    }
    return tuple(sorted(found))
