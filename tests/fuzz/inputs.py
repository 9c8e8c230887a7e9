"""Inputs for the fuzz targets: right ones, and what mutation makes of them.

grammar     FHIRPath grown from rules, so that evaluation is reached and not parsing alone
mutation    a right input or two of the target, cut, doubled, swapped, spliced, with words of the
            target's language, bytes that are no text, or much of one thing put in
"""

import random
from collections.abc import Callable, Mapping, Sequence

from fhirserver.fhirpath.compiler import FUNCTIONS

_LEAVES = (
    "name", "given", "birthDate", "deceased", "extension", "value", "$this", "$index", "$total",
    "%resource", "%context", "%given", "%`vs-x`", "{}", "true", "1", "0", "2.50", "-1", "'a'", "''",
    "@2020", "@2020-02-30", "@2020-01-31T10:00:00Z", "@T23:59", "5 'mg'", "1 year", "3 days", "1e9",
    "'^(a|aa)+$'", "'http://example.org/e'", "id", "contact", "managingOrganization", "Patient",
    "9" * 40, "9" * 5000, "9" * 2000 + " 'mg'",
    "0.000000000000000000000000000001", "'\\u0000'", "'\\ud800'", "'%'",
    "'hex'", "'html'", "'json'",
)  # fmt: skip
_OPERATORS = (
    "+", "-", "*", "/", "div", "mod", "&", "|", "=", "!=", "~", "!~", "<", ">", "<=", ">=", "and",
    "or", "xor", "implies", "in", "contains",
)  # fmt: skip
_TYPES = ("string", "Patient", "FHIR.boolean", "System.Decimal", "Quantity", "Nothing")
_TYPED = ("is", "as", "ofType")
_FUNCTIONS = (*sorted(FUNCTIONS), "exists", "empty", "nothing")


def expression(chance: random.Random, depth: int = 4) -> str:
    """Grow an expression."""
    if depth == 0:
        return chance.choice(_LEAVES)
    inner = depth - 1
    match chance.randrange(9):
        case 0:
            return chance.choice(_LEAVES)
        case 1 | 2:
            left, right = expression(chance, inner), expression(chance, inner)
            return f"{left} {chance.choice(_OPERATORS)} {right}"
        case 3:
            return f"({expression(chance, inner)})"
        case 4:
            return f"{expression(chance, inner)}[{expression(chance, 0)}]"
        case 5:
            return f"{expression(chance, inner)}.{chance.choice(_TYPED)}({chance.choice(_TYPES)})"
    arguments = [expression(chance, inner) for _ in range(chance.choice((0, 0, 1, 1, 1, 2, 3)))]
    name = chance.choice(_FUNCTIONS)
    return f"{expression(chance, inner)}.{name}({', '.join(arguments)})"


_FHIRPATHS = (
    "name.where(use = 'official').given.first()",
    "descendants().where($this is string).select($this.length()).aggregate($this + $total, 0)",
    "defineVariable('n', name).select(%n.given.join(', '))",
    "birthDate.lowBoundary() <= @1975 and deceased.toString().matches('^20[0-9]{2}')",
    "(extension.value as Quantity) > 3 'mg' // a comment",
    "iif(active, 'a\\u0041\\'', 1 year + 2 'mg')",
)
_JSONS = (
    '{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}],"a":1e-7}',
    '[1.00,-0,1E400,"\\ud83d\\ude00","\\u0022",{"a":{},"b":[]},true,null]',
)
_XMLS = (
    (
        '<Patient xmlns="http://hl7.org/fhir"><id value="a"/><text><status value="empty"/><div '
        'xmlns="http://www.w3.org/1999/xhtml">a&amp;b<br/>&nbsp;</div></text><name id="n"><given '
        'value="A"><extension url="http://e"><valueDecimal value="1.0"/></extension></given></name>'
        '<contained><Organization><name value="W"/></Organization></contained></Patient>'
    ),
)
_JSON_PATCHES = (
    (
        '[{"op":"test","path":"/name/0/family","value":"Ode"},{"op":"add","path":"/name/-","value":{}},'
        '{"op":"remove","path":"/birthDate"},{"op":"move","from":"/name/0","path":"/name/1"},'
        '{"op":"copy","from":"/contact/0","path":"/contact/-"},{"op":"replace","path":"/a~1b","value":1}]'
    ),
)
_MERGE_PATCHES = ('{"name":null,"birthDate":"2000","contact":[{"gender":"male"}],"a":{"b":null}}',)
_XML_PATCHES = (
    (
        '<diff xmlns:f="http://hl7.org/fhir"><add sel="f:Patient/f:name[1]" pos="after"><name><use '
        'value="X"/></name></add><replace sel="f:Patient/f:birthDate/@value">2000</replace><remove '
        "sel=\"f:Patient/f:name[f:use/@value='old']\"/></diff>"
    ),
)
_OPERATION = (
    '{{"name":"operation","part":[{{"name":"type","valueCode":"{}"}},{{"name":"path",'
    '"valueString":"{}"}},{{"name":"name","valueString":"birthDate"}},{{"name":"index",'
    '"valueInteger":1}},{{"name":"source","valueInteger":0}},{{"name":"destination",'
    '"valueInteger":1}},{{"name":"value","valueDate":"2000"}}]}}'
)
_FHIRPATH_PATCHES = tuple(
    f'{{"resourceType":"Parameters","parameter":[{_OPERATION.format(kind, path)}]}}'
    for kind, path in (
        ("add", "Patient"), ("insert", "Patient.name"), ("delete", "Patient.name[0].given[1]"),
        ("replace", "Patient.birthDate"), ("move", "Patient.name"),
    )
)  # fmt: skip
_SEARCHES = (
    "\0name:exact=Peter,James&birthdate=ge1970&_sort=-birthdate,name&_count=5&_total=accurate",
    "\1subject:Patient.name=a&code=http://loinc.org|8867-4&value-quantity=gt5.4|http://u|mg",
    "\1_has:Observation:has-member:code=a&component-code-value-quantity=8480-6$lt60",
    "\2participant.individual:Practitioner.name=x&_include=Encounter:subject&_revinclude=*:patient",
    "\3url:below=http://a&_filter=name+co+%22x%22+and+(date+gt+2020+or+not+(status+eq+active))",
)
_FILTERS = (
    'name co "pet" and (birthdate ge 1970 or not (gender eq male))',
    'general-practitioner[type eq "Practitioner"].name sw "a\\"b"',
    "_has re x or identifier eq http://s|v",
)
_WORDS = {
    "fhirpath": (*_LEAVES, *_OPERATORS, *_FUNCTIONS, "(", ")", ".", "[", "]", "/*", "*/", "`", ","),
    "json": ('"', "{", "}", "[", "]", ":", ",", "null", "1e999", "\\u", "\\ud800", "-", "0"),
    "xml": ("<", ">", "/>", "<!--", "]]>", "<![CDATA[", "&#0;", "&lt;", "<?a?>", "<!DOCTYPE a>",
            "'",
            'xmlns="u"', "&nbsp;", 'value=""', "<id/>"),
    "search": ("&", "=", ":", ".", ",", "|", "$", "%", "%00", "%c3", "\\,", "_has:", "_include",
               "*",
               ":missing", ":not", ":in", "ne", "2020-13", "1e400", "_type"),
    "filter": ("(", ")", "[", "]", '"', " and ", " or ", " not ", " eq ", " ne ", " pr ",
               ".", "\\"),
}  # fmt: skip


def _text(*texts: str) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


SEEDS: Mapping[str, Sequence[bytes]] = {
    "fhirpath": _text(*_FHIRPATHS),
    "json": _text(*_JSONS),
    "xml": _text(*_XMLS),
    "json-patch": _text(*_JSON_PATCHES),
    "merge-patch": _text(*_MERGE_PATCHES),
    "xml-patch": _text(*_XML_PATCHES),
    "fhirpath-patch": _text(*_FHIRPATH_PATCHES),
    "search": _text(*_SEARCHES),
    "filter": _text(*_FILTERS),
}
_LANGUAGE = {
    "json-patch": "json", "merge-patch": "json", "xml-patch": "xml", "fhirpath-patch": "json",
}  # fmt: skip


def words(target: str) -> list[bytes]:
    """Give the words of a target's language; those of FHIRPath where a patch holds some."""
    found = _WORDS[_LANGUAGE.get(target, target)]
    if target == "fhirpath-patch":
        found = (*found, *_WORDS["fhirpath"])
    return [word.encode() for word in found]


def make(chance: random.Random, target: str) -> bytes:
    """Make an input."""
    if target == "fhirpath" and chance.random() < 0.6:
        return expression(chance).encode()
    if target == "fhirpath-patch" and chance.random() < 0.4:
        path = expression(chance, 2).replace("\\", "").replace('"', "")
        return SEEDS[target][0].replace(b"Patient", path.encode(), 2)
    raw = chance.choice(SEEDS[target])
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        raw = chance.choice(_MUTATIONS)(chance, raw, target)
    return raw[:100_000]


def _cut(chance: random.Random, raw: bytes, _target: str) -> bytes:
    start, end = _range(chance, raw)
    return raw[:start] + raw[end:]


def _double(chance: random.Random, raw: bytes, _target: str) -> bytes:
    start, end = _range(chance, raw)
    return raw[:end] + raw[start:end] * chance.choice((1, 1, 2, 30, 500)) + raw[end:]


def _splice(chance: random.Random, raw: bytes, target: str) -> bytes:
    other = chance.choice(SEEDS[target])
    start, end = _range(chance, other)
    at = chance.randint(0, len(raw))
    return raw[:at] + other[start:end] + raw[at:]


def _put_word(chance: random.Random, raw: bytes, target: str) -> bytes:
    at = chance.randint(0, len(raw))
    times = chance.choice((1, 1, 1, 1, 2, 200))
    return raw[:at] + chance.choice(words(target)) * times + raw[at:]


def _put_bytes(chance: random.Random, raw: bytes, _target: str) -> bytes:
    start, end = _range(chance, raw)
    return raw[:start] + chance.randbytes(chance.randint(0, 4)) + raw[min(end, start + 3) :]


def _range(chance: random.Random, raw: bytes) -> tuple[int, int]:
    start = chance.randint(0, len(raw))
    return start, min(len(raw), start + chance.choice((1, 2, 5, 20, 100)))


_MUTATIONS: tuple[Callable[[random.Random, bytes, str], bytes], ...] = (
    _cut, _double, _splice, _put_word, _put_word, _put_bytes,
)  # fmt: skip
