"""Examples that no generator makes: parameters whose expression is more than a path.

Every value here is a whole resource.
"""

from fhirserver_conformance.examples.minimal import BARE, minimal
from fhirserver_conformance.examples.of_values import FLAVOR, FLAVORS, Ask, Example
from fhirserver_conformance.examples.values import EARLIER, LATER, Json

_DAY_AFTER = "2020-03-15T10:00:00Z"

ALONG: dict[tuple[str, str], Json] = {
    ("Appointment", "date"): {"end": _DAY_AFTER},
    ("Appointment", "status"): {"start": f"{LATER}T10:00:00Z", "end": _DAY_AFTER},
    **{
        ("Condition", f"abatement-{kind}"): {
            "clinicalStatus": {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                        "code": "resolved",
                    }
                ]
            }
        }
        for kind in ("age", "date", "string")
    },
    **{
        ("MolecularSequence", code): {"referenceSeq": {"genomeBuild": "GRCh38"}}
        for code in (
            "chromosome",
            "chromosome-variant-coordinate",
            "chromosome-window-coordinate",
        )
    },
    ("MolecularSequence", "window-end"): {"referenceSeq": {"referenceSeqString": "ACGT"}},
    ("MolecularSequence", "window-start"): {"referenceSeq": {"referenceSeqString": "ACGT"}},
    ("StructureDefinition", "abstract"): {"baseDefinition": "http://claims.test/base"},
    ("StructureDefinition", "path"): {"kind": "logical"},
    ("StructureDefinition", "type"): {"kind": "logical"},
}
"""By (type, code): what a rule asks for besides the parameter's value."""


def along(resource: Json, more: Json) -> Json:
    """Add elements to a resource, also inside those that it has."""
    for name, value in more.items():
        inside = isinstance(value, dict) and name in resource
        resource[name] = along(resource[name], value) if inside else value
    return resource


_DECEASED = ("dated", "yes")


def _at(latitude: float, longitude: float) -> Json:
    return minimal("Location") | {"position": {"latitude": latitude, "longitude": longitude}}


# A degree of latitude is 111 km.
_PLACES = {"hit": _at(48.5, 11.5), "close": _at(48.51, 11.5), "far": _at(49.5, 11.5)}

_TYPES = {"composition": "Composition", "message": "MessageHeader"}


def _bundle(kind: str, entry: str, id_: str) -> Json:
    """Make a Bundle whose first entry holds a resource of a type."""
    first = {"fullUrl": f"http://claims.test/{id_}", "resource": minimal(entry) | {"id": id_}}
    head = {"identifier": {"system": "http://claims.test", "value": id_}, "timestamp": _DAY_AFTER}
    return {"resourceType": "Bundle", "type": kind, **head, "entry": [first]}


def _first_entry(code: str, kind: str) -> Example:
    type_name = _TYPES[code]
    hit, miss, other = ("hit",), ("miss",), ("other",)
    values = {
        "hit": _bundle(kind, type_name, "hit"),
        "miss": _bundle(kind, type_name, "miss"),
        "other": _bundle("collection", type_name, "hit"),
    }
    return Example(
        values,
        (
            Ask("", "hit", hit, (*miss, *other, BARE)),
            Ask("", f"{type_name}/hit", hit, (*miss, *other, BARE)),
            Ask("", "http://claims.test/miss", miss, (*hit, *other, BARE)),
            Ask(type_name, "hit", hit, (*miss, *other, BARE)),
            Ask("missing", "false", (*hit, *miss), (*other, BARE)),
            Ask("missing", "true", (*other, BARE), (*hit, *miss)),
        ),
    )


EXAMPLES: dict[tuple[str, str], Example] = {
    ("Bundle", "composition"): _first_entry("composition", "document"),
    ("Bundle", "message"): _first_entry("message", "message"),
    ("Location", "near"): Example(
        _PLACES,
        (
            Ask("", "48.5|11.5|500|m", ("hit",), ("close", "far", BARE)),
            Ask("", "48.5|11.5|5|km", ("hit", "close"), ("far", BARE)),
            Ask("", "48.5|11.5|5", ("hit", "close"), ("far", BARE)),
            Ask("", "48.5|11.5|100|[mi_us]", tuple(_PLACES), (BARE,)),
            Ask("missing", "false", tuple(_PLACES), (BARE,)),
            Ask("missing", "true", (BARE,), tuple(_PLACES)),
        ),
    ),
    ("Patient", "deceased"): Example(
        {
            "dated": minimal("Patient") | {"deceasedDateTime": EARLIER},
            "yes": minimal("Patient") | {"deceasedBoolean": True},
            "no": minimal("Patient") | {"deceasedBoolean": False},
        },
        (
            Ask("", "true", _DECEASED, ("no", BARE)),
            Ask("", "false", ("no", BARE), _DECEASED),
            Ask("not", "true", ("no", BARE), _DECEASED),
            Ask("text", "true", (), (*_DECEASED, "no")),
            Ask("of-type", "x|true|true", (), (*_DECEASED, "no")),
            Ask("in", FLAVORS, (), (*_DECEASED, "no")),
            Ask("not-in", FLAVORS, (*_DECEASED, "no"), ()),
            Ask("below", f"{FLAVOR}|UNK", (), (*_DECEASED, "no")),
            Ask("above", f"{FLAVOR}|NAV", (), (*_DECEASED, "no")),
            Ask("missing", "false", (*_DECEASED, "no", BARE), ()),
            Ask("missing", "true", (), (*_DECEASED, "no", BARE)),
        ),
    ),
}
DATATYPES = {
    ("Bundle", "composition"): {"Resource"},
    ("Bundle", "message"): {"Resource"},
    ("Location", "near"): {"position"},
    ("Patient", "deceased"): {"boolean"},
}
"""What the parameters of `EXAMPLES` look at."""
