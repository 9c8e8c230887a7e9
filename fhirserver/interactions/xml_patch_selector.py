"""What `sel` of an XML Patch says. Pure.

Spec: RFC 5261 sections 4.1 and 8, a small part of https://www.w3.org/TR/xpath-10/

    selector   = ["/"] *(element "/") last
    last       = element / "@" name / "namespace::" prefix / node *position
    element    = (name / "*") *(position / equals)
    node       = "text()" / "comment()" / "processing-instruction(" [literal] ")"
    position   = "[" number "]"
    equals     = "[" ("." / "@" name / path) "=" literal "]"
    path       = name *("/" name) ["/@" name]

FHIR keeps values in attributes, so `path` reaches further than the child of RFC 5261:
`f:name[f:use/@value='official']`. There are no other axes, functions or operators.

Prefixes are those of the patch document; `f` and `fhir`, `h` and `xhtml` are known without a
declaration. A name without prefix is in the document's default namespace, if that is one of the
two that a resource has, and else in FHIR's.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fhirserver.errors import InvalidRequestError, TooLargeError
from fhirserver.model.xml_source import FHIR, XHTML

LENGTH_LIMIT = 10_000

_NAME = r"[^\W\d][\w.\-]*"
_TOKEN = re.compile(
    r"\s*(?:"
    r"""(?P<literal>"[^"]*"|'[^']*')|(?P<number>[0-9]{1,9})|namespace::(?P<prefix>"""
    rf"{_NAME})|(?P<function>[a-z\-]+)\s*\(\s*(?P<argument>'[^']*'|\"[^\"]*\")?\s*\)"
    rf"|(?P<name>(?:{_NAME}:)?(?:{_NAME}|\*))|(?P<mark>[/@.=\[\]]))\s*"
)
_KNOWN_PREFIXES = {"f": FHIR, "fhir": FHIR, "h": XHTML, "xhtml": XHTML}
_NODES = ("text", "comment", "processing-instruction")


class NameTest(NamedTuple):
    """A name to compare with; None stands for any."""

    namespace: str | None
    name: str | None


class NodeTest(NamedTuple):
    """A kind of node that is no element; `target` narrows instructions."""

    kind: str
    target: str | None


class Equals(NamedTuple):
    """A condition: what `path` and `attribute` lead to has that text."""

    path: tuple[NameTest, ...]
    attribute: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step down: what to look for, and conditions, applied one after the other."""

    test: NameTest | NodeTest
    predicates: tuple[int | Equals, ...] = ()


@dataclass(frozen=True, slots=True)
class Selector:
    """A selector, taken apart.

    Attributes:
        text: as sent.
        steps: from the root down.
        attribute: name of an attribute of what the steps lead to.
        prefix: of a namespace declared there.
    """

    text: str
    steps: tuple[Step, ...]
    attribute: str | None = None
    prefix: str | None = None


def parse_selector(text: str, prefixes: Mapping[str, str]) -> Selector:
    """Take a selector apart.

    Args:
        text: e.g. "/f:Patient/f:name[1]/@id".
        prefixes: URI by prefix where it stands; the default namespace under "".

    Raises:
        InvalidRequestError: no selector as RFC 5261 has them, or a prefix that nothing declares.
        TooLargeError: it is too long.
    """
    if len(text) > LENGTH_LIMIT:
        raise TooLargeError(f"A selector has at most {LENGTH_LIMIT} characters.")
    return _Parser(text, prefixes).selector()


class _Parser:
    """Reads one selector from left to right."""

    def __init__(self, text: str, prefixes: Mapping[str, str]) -> None:
        self._source = text
        self._prefixes = prefixes
        self._place = 0

    def selector(self) -> Selector:
        self._take("mark", "/")
        steps: list[Step] = []
        attribute = prefix = None
        is_open = True
        while is_open:
            if self._take("mark", "@"):
                attribute = self._attribute()
                break
            prefix = self._take("prefix")
            if prefix is not None:
                break
            steps.append(self._step())
            is_open = self._take("mark", "/") is not None
        if self._place < len(self._source):
            raise self._fault()
        return Selector(self._source, tuple(steps), attribute, prefix)

    def _step(self) -> Step:
        match = self._match()
        if match is None or match["function"] is None:
            return Step(self._name(), tuple(self._predicates()))
        if match["function"] not in _NODES:
            raise self._fault()
        self._place = match.end()
        target = match["argument"]
        test = NodeTest(match["function"], None if target is None else target[1:-1])
        return Step(test, tuple(self._predicates()))

    def _predicates(self) -> Iterator[int | Equals]:
        while self._take("mark", "["):
            number = self._take("number")
            yield self._equals() if number is None else int(number)
            self._need("mark", "]")

    def _equals(self) -> Equals:
        path: list[NameTest] = []
        attribute = None
        if not self._take("mark", "."):
            is_open = True
            while is_open:
                if self._take("mark", "@"):
                    attribute = self._attribute()
                    break
                path.append(self._name())
                is_open = self._take("mark", "/") is not None
        self._need("mark", "=")
        return Equals(tuple(path), attribute, self._need("literal")[1:-1])

    def _name(self) -> NameTest:
        prefix, colon, name = self._need("name").rpartition(":")
        if not colon:
            default = self._prefixes.get("")
            namespace = default if default in (FHIR, XHTML) else FHIR
            return NameTest(None, None) if name == "*" else NameTest(namespace, name)
        return NameTest(self._namespace(prefix), None if name == "*" else name)

    def _attribute(self) -> str:
        prefix, colon, name = self._need("name").rpartition(":")
        return f"{self._namespace(prefix)} {name}" if colon else name

    def _namespace(self, prefix: str) -> str:
        uri = self._prefixes.get(prefix) or _KNOWN_PREFIXES.get(prefix)
        if uri is None:
            raise InvalidRequestError(
                f"The XML Patch declares no prefix {prefix[:100]!r}, which a selector uses; "
                f'declare it: xmlns:{prefix[:100]}="..." (invalid-namespace-prefix).'
            )
        return uri

    def _match(self) -> re.Match[str] | None:
        return _TOKEN.match(self._source, self._place)

    def _take(self, kind: str, value: str | None = None) -> str | None:
        """Read a token if it is of that kind, and that value if there is one."""
        match = self._match()
        if match is None or match[kind] is None or value not in (None, match[kind]):
            return None
        self._place = match.end()
        return match[kind]

    def _need(self, kind: str, value: str | None = None) -> str:
        found = self._take(kind, value)
        if found is None:
            raise self._fault()
        return found

    def _fault(self) -> InvalidRequestError:
        return InvalidRequestError(
            f"The selector {self._source[:200]!r} of the XML Patch cannot be read at character "
            f"{self._place + 1}; write it like /f:Patient/f:name[1]/@id, without axes, functions "
            "and operators (invalid-patch-directive)."
        )
