"""The groups of a message: segments in a row become groups within groups. Pure.

Spec: HL7 v2.6 chapter 2, section 2.5.2; the abstract messages of chapters 3, 4, 7, 9 and 10

    [{"name": "patient", "begins": ["PID"], "holds": ["PV1"]},
     {"name": "order", "within": "patient", "begins": ["ORC", "OBR"], "holds": ["NTE"]},
     {"name": "result", "within": "order", "begins": ["OBX"], "holds": ["NTE"]}]

A segment goes to the innermost open group that holds it, or in which a group begins with it. A
group that begins with several segments takes each once: OBR goes to the ORC before it, and a
second OBR begins another. A segment that no open group knows is passed over, so that what a sender
adds breaks nothing. What stands outside of all groups is the message's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fhirserver_device_bridge.protocols.hl7v2.message import Message, Segment
from fhirserver_device_bridge.v2fhir.pieces import Path, Piece, pieces

MESSAGE = "message"
"""The name of the group that holds all others."""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """What a group is; attributes as in a mapping file."""

    name: str
    begins: tuple[str, ...]
    holds: frozenset[str] = frozenset()
    within: str = MESSAGE


@dataclass(eq=False, slots=True)
class Group:
    """One group of a message, equal to itself only.

    Attributes:
        rule: that it is made by.
        parent: None for the message.
        segments: its own, in order, without those of the groups inside it.
        groups: inside it, in order.
    """

    rule: GroupRule
    parent: "Group | None" = None
    segments: list[Segment] = field(default_factory=list)
    groups: "list[Group]" = field(default_factory=list)

    def around(self) -> "Iterator[Group]":
        """Give the group and those around it, from inside out."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.parent

    def inside(self) -> "Iterator[Group]":
        """Give the group and all inside it, in the order of the message."""
        yield self
        for each in self.groups:
            yield from each.inside()

    def find(self, path: Path) -> list[Piece]:
        """Give what stands at a path: in this group, else in the nearest one around it."""
        for group in self.around():
            named = [each for each in group.segments if each.name == path.segment]
            if named:
                return [piece for each in named for piece in pieces(each, path)]
        return []

    def is_null(self, path: Path) -> bool:
        """Tell whether a field says that there is none, where it would be found."""
        for group in self.around():
            named = [each for each in group.segments if each.name == path.segment]
            if named:
                return any(each.is_null(path.field) for each in named)
        return False


def structure(message: Message, rules: Sequence[GroupRule], held: frozenset[str]) -> Group:
    """Build the groups of a message.

    Args:
        message: the message.
        rules: its groups, each after the one that it is within.
        held: names of the segments that stand outside of all groups.
    """
    whole = Group(GroupRule(MESSAGE, (), held))
    innermost = whole
    for segment in message.segments:
        innermost = _taken(segment, innermost, rules) or innermost
    return whole


def _taken(segment: Segment, innermost: Group, rules: Sequence[GroupRule]) -> Group | None:
    """Put a segment where it belongs, and give the group; None if nobody knows it."""
    for group in innermost.around():
        if segment.name in group.rule.holds or _still_begins(segment.name, group):
            group.segments.append(segment)
            return group
        for rule in rules:
            if rule.within == group.rule.name and segment.name in rule.begins:
                begun = Group(rule, group, [segment])
                group.groups.append(begun)
                return begun
    return None


def _still_begins(name: str, group: Group) -> bool:
    """Tell whether a segment is a further one that a group begins with, such as OBR after ORC."""
    begins = group.rule.begins
    if name not in begins:
        return False
    had = [begins.index(each.name) for each in group.segments if each.name in begins]
    return begins.index(name) > max(had)
