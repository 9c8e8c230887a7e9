"""Where the selectors of an XML Patch lead in a document. Pure.

Spec: RFC 5261 section 4.1

What a patch looks at is counted: its work has a bound, whatever it asks for.
"""

from dataclasses import dataclass

from fhirserver.errors import TooLargeError
from fhirserver.interactions.xml_patch_selector import Equals, NameTest, NodeTest, Selector, Step
from fhirserver.model.xml_tree import XmlComment, XmlElement, XmlInstruction, XmlNode

VISITS_LIMIT = 2_000_000


@dataclass(frozen=True, slots=True)
class Located:
    """A node where it stands: in `parent`, at `index` of its children; the document has none."""

    node: XmlNode
    parent: "Located | None" = None
    index: int = 0

    @property
    def depth(self) -> int:
        """Levels of elements above and with it; 1 for the root."""
        return 0 if self.parent is None else 1 + self.parent.depth


class Search:
    """Looks selectors up in one document, which changes meanwhile.

    Args:
        document: holds the root.
    """

    def __init__(self, document: XmlElement) -> None:
        self._document = Located(document)
        self._visits_left = VISITS_LIMIT

    def find(self, selector: Selector) -> list[Located]:
        """Give the nodes that a selector's steps lead to, in document order.

        Raises:
            TooLargeError: this and the searches before it looked at too much.
        """
        found = [self._document]
        for step in selector.steps:
            found = [child for each in found for child in self._down(each, step)]
        return found

    def _down(self, above: Located, step: Step) -> list[Located]:
        if not isinstance(above.node, XmlElement):
            return []
        self._count(len(above.node.children))
        children = (
            Located(child, above, index)
            for index, child in enumerate(above.node.children)
            if _fits(child, step.test)
        )
        found = list(children)
        for predicate in step.predicates:
            if isinstance(predicate, int):
                found = found[predicate - 1 : predicate] if predicate else []
            else:
                found = [each for each in found if self._holds(each.node, predicate)]
        return found

    def _holds(self, node: XmlNode, predicate: Equals) -> bool:
        nodes = [node]
        for test in predicate.path:
            children = [child for each in nodes for child in _children(each)]
            self._count(len(children))
            nodes = [child for child in children if _fits(child, test)]
        elements = [each for each in nodes if isinstance(each, XmlElement)]
        if predicate.attribute is None:
            return any(self._text(each) == predicate.text for each in elements)
        return any(each.attributes.get(predicate.attribute) == predicate.text for each in elements)

    def _text(self, element: XmlElement) -> str:
        parts = []
        self._count(len(element.children))
        for child in element.children:
            if isinstance(child, XmlElement):
                parts.append(self._text(child))
            elif isinstance(child, str):
                parts.append(child)
        return "".join(parts)

    def _count(self, visits: int) -> None:
        self._visits_left -= visits
        if self._visits_left < 0:
            raise TooLargeError(
                f"The XML Patch looks at more than {VISITS_LIMIT} nodes; send it in parts."
            )


def _children(node: XmlNode) -> list[XmlNode]:
    return node.children if isinstance(node, XmlElement) else []


def _fits(node: XmlNode, test: NameTest | NodeTest) -> bool:
    if isinstance(test, NameTest):
        return (
            isinstance(node, XmlElement)
            and test.name in (None, node.name)
            and test.namespace in (None, node.namespace)
        )
    if test.kind == "text":
        return isinstance(node, str)
    if test.kind == "comment":
        return isinstance(node, XmlComment)
    return isinstance(node, XmlInstruction) and test.target in (None, node.target)
