"""A body, read as JSON or as XML when either is asked for.

Spec: https://hl7.org/fhir/R4/xml.html and https://hl7.org/fhir/R4/json.html

FHIRPath and JSONPath look at JSON, which XML becomes by the element tables of R4. XPath looks at
XML, which JSON becomes by its looks.
"""

from functools import cached_property
from typing import Any, Literal

from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.model.json import parse_json, write_json
from fhirserver.model.xml import parse_xml, write_xml
from fhirserver_conformance.paths.values import PathError
from fhirserver_conformance.paths.xml_tree import Tree, build_tree, parse_tree

Format = Literal["json", "xml"]


class Document:
    """A body; reading it costs nothing until it is looked into, and once only.

    Args:
        body: bytes as they came.
        format: None to tell by the first character.
        label: names it in messages, e.g. "the response's body".
    """

    def __init__(self, body: bytes, format: Format | None = None, label: str = "the body") -> None:
        self.body = body
        self.label = label
        self.format: Format = format or guess_format(body)

    @cached_property
    def resource(self) -> dict[str, Any]:
        """The body as a resource in JSON.

        Raises:
            PathError: empty, not JSON or XML, not R4, not an object.
        """
        value = self.json
        if not isinstance(value, dict):
            raise PathError(f"{self.label} is JSON, but no object")
        return value

    @cached_property
    def json(self) -> Any:
        """The body as JSON of any kind. Raises as `resource` does."""
        self._refuse_empty()
        try:
            if self.format == "xml":
                return parse_xml(self.body, r4())
            return parse_json(self.body)
        except FhirError as error:
            raise PathError(f"{self.label} cannot be read: {error}") from None

    @cached_property
    def xml(self) -> Tree:
        """The body as XML without namespaces; see `xml_tree`.

        Raises:
            PathError: empty, not well-formed, with a document type, JSON that is no resource.
        """
        self._refuse_empty()
        if self.format == "xml":
            return parse_tree(self.body, self.label)
        return build_tree(self.resource, self.label)

    def in_format(self, format: Format) -> bytes:
        """Give the body in a format, converted where it has the other. Raises PathError."""
        if format == self.format:
            return self.body
        if format == "json":
            return write_json(self.resource)
        try:
            return write_xml(self.resource, r4())
        except FhirError as error:
            raise PathError(f"{self.label} cannot be written as XML: {error}") from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise PathError(
                f"{self.label} cannot be written as XML: its structure is not that of R4"
            ) from None

    def _refuse_empty(self) -> None:
        if not self.body.strip():
            raise PathError(f"{self.label} is empty")


def guess_format(body: bytes) -> Format:
    """Tell the format by the first character that is no blank."""
    return "xml" if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" else "json"
