"""Value sets, a code system and parts of organizations: as resources, and what they come to.

What the server is given and what the matcher knows are both written out by hand.
"""

from typing import Any

from fhirserver_terminology.code_system import CodeSystem, TerminologyError

from tests.search.oracle.pools import LOINC

Json = dict[str, Any]

TREE = "urn:oid:1.2.3"
GENDERS = "http://hl7.org/fhir/administrative-gender"

CODE_SYSTEM: Json = {
    "url": TREE,
    "content": "complete",
    "concept": [
        {"code": "A", "concept": [{"code": "a", "concept": [{"code": "8480-6"}]}]},
        {"code": "x|y", "property": [{"code": "parent", "valueCode": "a"}]},
        {"code": "c,d"},
    ],
}
REACH = {
    ("below", "A"): {"A", "a", "8480-6", "x|y"},
    ("below", "a"): {"a", "8480-6", "x|y"},
    ("below", "x|y"): {"x|y"},
    ("below", "c,d"): {"c,d"},
    ("above", "A"): {"A"},
    ("above", "a"): {"A", "a"},
    ("above", "x|y"): {"A", "a", "x|y"},
    ("above", "c,d"): {"c,d"},
}
"""Codes of the tree below and above one."""

_LISTED = {"system": LOINC, "concept": [{"code": "8480-6"}, {"code": "A"}]}
_BELOW_A = {"system": TREE, "filter": [{"property": "concept", "op": "is-a", "value": "a"}]}
VALUE_SETS: dict[str, Json] = {
    "http://vs/listed": {
        "compose": {
            "include": [_LISTED, {"system": GENDERS, "concept": [{"code": "male"}]}],
        }
    },
    "http://vs/filtered": {"compose": {"include": [_BELOW_A, _LISTED]}},
    "http://vs/empty": {"compose": {"include": [_LISTED], "exclude": [_LISTED]}},
}
MEMBERS = {
    "http://vs/listed": {(LOINC, "8480-6"), (LOINC, "A"), (GENDERS, "male")},
    "http://vs/filtered": {
        (TREE, "a"), (TREE, "8480-6"), (TREE, "x|y"), (LOINC, "8480-6"), (LOINC, "A"),
    },
    "http://vs/empty": set(),
}  # fmt: skip

ORGANIZATIONS = {
    ("below", "p1"): {"p1", "p2", "p10"},
    ("below", "p2"): {"p2", "p10"},
    ("below", "p10"): {"p10"},
    ("above", "p1"): {"p1"},
    ("above", "p2"): {"p1", "p2"},
    ("above", "p10"): {"p1", "p2", "p10"},
}
"""Organization p10 is a part of p2, and that of p1."""


class Content:
    """The resources, for the server."""

    def value_set(self, reference: str) -> Json:
        return VALUE_SETS[reference]

    def code_system(self, canonical: str) -> CodeSystem:
        if canonical != TREE:
            raise TerminologyError(f"no {canonical}")
        return CodeSystem(CODE_SYSTEM)


class Parts:
    """The organizations, for the server."""

    def below(self, type_name: str, id: str) -> frozenset[str]:
        return self._reach("below", type_name, id)

    def above(self, type_name: str, id: str) -> frozenset[str]:
        return self._reach("above", type_name, id)

    def _reach(self, modifier: str, type_name: str, id: str) -> frozenset[str]:
        alone = {id}
        return frozenset(
            ORGANIZATIONS.get((modifier, id), alone) if type_name == "Organization" else alone
        )
