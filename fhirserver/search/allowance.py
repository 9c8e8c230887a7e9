"""How much one search may look up: value sets, code systems and hierarchies.

Each look-up asks the database before the search itself begins, and is bounded by itself
(`params.coded.CODES_MAX`); a search that names hundreds of them, or large ones again and again, is
refused with the limit. What was looked up before costs nothing: a chain asks for each target anew.
"""

from collections.abc import Callable, Mapping

from fhirserver.search.params.coded import Terminology
from fhirserver.search.params.hierarchy import Hierarchies

LOOK_UPS_MAX = 100
MEMBERS_MAX = 100_000
"""Codes and ids that all look-ups of a search give together."""

Members = Mapping[str, frozenset[str]]


class Allowance:
    """What one search may still look up, and what it has."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Members] = {}
        self._members = 0

    def members(self, name: tuple[str, ...], look_up: Callable[[], Members]) -> Members:
        """Look up once.

        Args:
            name: tells one look-up from another.
            look_up: gives codes or ids by system or type.

        Raises:
            ValueError: a limit is exceeded, or what `look_up` raises.
        """
        if name in self._known:
            return self._known[name]
        if len(self._known) >= LOOK_UPS_MAX:
            raise ValueError(
                f"a search takes at most {LOOK_UPS_MAX} different value sets, codes and resources"
                " to look up, over all its parameters; split it"
            )
        found = look_up()
        self._members += sum(map(len, found.values()))
        if self._members > MEMBERS_MAX:
            raise ValueError(
                f"what a search looks up may be at most {MEMBERS_MAX} codes and resources, over"
                " all its parameters; split it"
            )
        self._known[name] = found
        return found


class BoundedTerminology:
    """Terminology within an allowance; raises ValueError beyond it, and what the terminology does.

    Args:
        terminology: that looks up.
        allowance: of the search.
    """

    def __init__(self, terminology: Terminology, allowance: Allowance) -> None:
        self._terminology = terminology
        self._allowance = allowance

    def expand(self, value_set: str) -> Members:
        """Give the codes of a value set by system."""
        return self._allowance.members(
            ("in", value_set), lambda: self._terminology.expand(value_set)
        )

    def below(self, system: str, code: str) -> frozenset[str]:
        """Give a code and all that it subsumes."""
        return self._allowance.members(
            ("code below", system, code), lambda: {system: self._terminology.below(system, code)}
        )[system]

    def above(self, system: str, code: str) -> frozenset[str]:
        """Give a code and all that subsume it."""
        return self._allowance.members(
            ("code above", system, code), lambda: {system: self._terminology.above(system, code)}
        )[system]


class BoundedHierarchies:
    """Hierarchies within an allowance; raises ValueError beyond it, and what they do.

    Args:
        hierarchies: that look up.
        allowance: of the search.
    """

    def __init__(self, hierarchies: Hierarchies, allowance: Allowance) -> None:
        self._hierarchies = hierarchies
        self._allowance = allowance

    def below(self, type_name: str, id: str) -> frozenset[str]:
        """Give the ids of a resource and of what is a part of it."""
        return self._allowance.members(
            ("below", type_name, id), lambda: {type_name: self._hierarchies.below(type_name, id)}
        )[type_name]

    def above(self, type_name: str, id: str) -> frozenset[str]:
        """Give the ids of a resource and of what it is a part of."""
        return self._allowance.members(
            ("above", type_name, id), lambda: {type_name: self._hierarchies.above(type_name, id)}
        )[type_name]
