"""What a SMART scope grants: a level, a type, interactions, and maybe a query.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

    patient/Observation.rs?category=laboratory
    level   type        rights  where

    c create    r read, vread, history of an instance    u update, patch    d delete
    s search, history of a type or of the system
"""

from dataclasses import dataclass
from enum import Flag
from typing import Literal

Level = Literal["patient", "user", "system"]
LEVELS: tuple[Level, ...] = ("patient", "user", "system")
Where = tuple[tuple[str, str], ...]
"""Search parameters and values, decoded; all must hold."""

ANY_TYPE = "*"


class Right(Flag):
    """The letters of a scope, in the order that they are written in."""

    CREATE = 1
    READ = 2
    UPDATE = 4
    DELETE = 8
    SEARCH = 16


NO_RIGHT = Right(0)
LETTERS = {
    "c": Right.CREATE, "r": Right.READ, "u": Right.UPDATE, "d": Right.DELETE, "s": Right.SEARCH,
}  # fmt: skip


def rights_of(letters: str) -> Right:
    """Read letters, e.g. "rs"; KeyError for one that is none."""
    found = NO_RIGHT
    for letter in letters:
        found |= LETTERS[letter]
    return found


def letters_of(rights: Right) -> str:
    """Write rights as letters, e.g. "cruds"."""
    return "".join(letter for letter, right in LETTERS.items() if right in rights)


@dataclass(frozen=True, slots=True)
class Scope:
    """One scope for FHIR resources.

    Attributes:
        level: whose records: the launch patient's, what the user may see, what the client may.
        type: resource type; ANY_TYPE for all.
        rights: what may be done.
        where: parameters of its query, decoded, all of which must hold; none for all resources.
    """

    level: Level
    type: str
    rights: Right
    where: Where = ()
