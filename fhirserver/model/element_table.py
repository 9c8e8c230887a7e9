"""What this layer needs of the element tables; the definitions fulfil it from above."""

from collections.abc import Mapping
from typing import Protocol


class Element(Protocol):
    """One JSON name of a node."""

    @property
    def type(self) -> str:
        """FHIR type code, e.g. "Quantity"."""

    @property
    def node_path(self) -> str | None:
        """Node of its children; None for primitives and for whole resources."""

    @property
    def is_list(self) -> bool:
        """Whether it may repeat."""

    @property
    def is_primitive(self) -> bool:
        """Whether it is a single value."""

    @property
    def is_resource(self) -> bool:
        """Whether it holds a whole resource."""

    @property
    def order(self) -> int:
        """Position among the published elements of its node."""

    @property
    def is_xml_attribute(self) -> bool:
        """Whether XML writes it as an attribute."""


class Node(Protocol):
    """The children of a type or of a backbone element."""

    @property
    def path(self) -> str:
        """E.g. "Patient.contact"."""

    @property
    def elements(self) -> Mapping[str, Element]:
        """By JSON name."""


class ElementTable(Protocol):
    """All nodes."""

    def node(self, path: str) -> Node:
        """Give a node; KeyError if there is none."""

    def is_resource_type(self, name: str) -> bool:
        """Whether a name is a concrete resource type."""
