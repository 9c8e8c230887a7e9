"""What searches ask of terminology, answered from value sets and code systems that are at hand.

Spec: https://hl7.org/fhir/R4/terminology-service.html

A terminology engine may take its place: whatever has the methods of `params.coded.Terminology`.
"""

from collections.abc import Mapping

from fhirserver_terminology.value_set import Content, Expander

from fhirserver.definitions.terminology import R4Content


class ContentTerminology:
    """Terminology by content alone; it lives for one request.

    Args:
        content: where value sets and code systems come from.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._expander = Expander(content)

    def expand(self, value_set: str) -> Mapping[str, frozenset[str]]:
        """Give the codes of a value set by system; TerminologyError says what stands against it."""
        return self._expander.expand(value_set)

    def below(self, system: str, code: str) -> frozenset[str]:
        """Give a code and all that it subsumes; raises as `expand`."""
        return self._content.code_system(system).below(code)

    def above(self, system: str, code: str) -> frozenset[str]:
        """Give a code and all that subsume it; raises as `expand`."""
        return self._content.code_system(system).above(code)


R4_TERMINOLOGY = ContentTerminology(R4Content())
"""R4's own value sets and code systems, and no others."""
