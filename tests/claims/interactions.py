"""One function per claim about a type that is not a search: it yields what is wrong, in words.

Spec: https://hl7.org/fhir/R4/http.html

`INTERACTIONS` is by the codes of CapabilityStatement.rest.resource.interaction, `STATED` by the
other elements of rest.resource with the values that they may have here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fhirserver_conformance.examples.minimal import minimal
from fhirserver_conformance.examples.values import Json
from tests.client import Answer, Client

NOBODY = "claims-nobody"
_TAGS = "http://claims.test/conditional"


@dataclass(frozen=True, slots=True)
class Subject:
    """A type to try: the server, and one resource with two versions.

    Attributes:
        id: of the resource; version 1 has no language, version 2 is in German.
    """

    client: Client
    name: str
    id: str

    @property
    def url(self) -> str:
        """Where the resource is, below the base."""
        return f"{self.name}/{self.id}"


Trial = Callable[[Subject], Iterator[str]]


def prepare(client: Client, name: str) -> Subject:
    """Store two versions of a resource."""
    created = client.post(name, minimal(name))
    assert created.status == 201, created.text
    subject = Subject(client, name, created.json["id"])
    updated = client.put(subject.url, minimal(name) | {"id": subject.id, "language": "de"})
    assert updated.status == 200, updated.text
    return subject


def expect(what: str, answer: Answer, *status: int) -> Iterator[str]:
    """Say so if an answer has another status."""
    if answer.status not in status:
        yield f"{what}: {answer.status} instead of {status}: {answer.text[:200]}"


def create(subject: Subject) -> Iterator[str]:
    """Store a new one; refuse one of another type, and one that is not valid."""
    answer = subject.client.post(subject.name, minimal(subject.name))
    yield from expect("create", answer, 201)
    if answer.json["id"] == subject.id:
        yield "create: the id was there before"
    other = "Basic" if subject.name != "Basic" else "Patient"
    yield from expect("create", subject.client.post(subject.name, minimal(other)), 400)
    wrong = minimal(subject.name) | {"noSuchElement": 1}
    yield from expect("create", subject.client.post(subject.name, wrong), 400, 422)


def read(subject: Subject) -> Iterator[str]:
    """Give the current version, in both formats; nothing for an unknown id."""
    answer = subject.client.get(subject.url)
    yield from expect("read", answer, 200)
    if answer.json.get("language") != "de":
        yield "read: not the current version"
    as_xml = subject.client.get(subject.url, accept="application/fhir+xml")
    yield from expect("read", as_xml, 200)
    if f"<{subject.name} " not in as_xml.text:
        yield "read: no XML"
    yield from expect("read", subject.client.get(f"{subject.name}/{NOBODY}"), 404)


def vread(subject: Subject) -> Iterator[str]:
    """Give a version, also the one before; nothing for one that never was."""
    first = subject.client.get(f"{subject.url}/_history/1")
    yield from expect("vread", first, 200)
    second = subject.client.get(f"{subject.url}/_history/2")
    if "language" in first.json or second.json.get("language") != "de":
        yield "vread: not the versions that were written"
    yield from expect("vread", subject.client.get(f"{subject.url}/_history/99"), 404)


def update(subject: Subject) -> Iterator[str]:
    """Make a version; refuse a body with another id."""
    content = minimal(subject.name) | {"id": subject.id, "language": "fr"}
    answer = subject.client.put(subject.url, content)
    yield from expect("update", answer, 200)
    if answer.json.get("language") != "fr" or answer.json["meta"]["versionId"] == "1":
        yield "update: no new version"
    content["id"] = NOBODY
    yield from expect("update", subject.client.put(subject.url, content), 400)


def patch(subject: Subject) -> Iterator[str]:
    """Change an element; refuse a patch that does not fit."""
    media_type = "application/json-patch+json"
    good = [{"op": "add", "path": "/language", "value": "it"}]
    answer = subject.client.patch(subject.url, good, content_type=media_type)
    yield from expect("patch", answer, 200)
    if answer.json.get("language") != "it":
        yield "patch: nothing changed"
    bad = [{"op": "test", "path": "/language", "value": "xx"}]
    refused = subject.client.patch(subject.url, bad, content_type=media_type)
    yield from expect("patch", refused, 400, 409, 422)


def delete(subject: Subject) -> Iterator[str]:
    """Take one away, and no other."""
    gone = subject.client.post(subject.name, minimal(subject.name)).json["id"]
    yield from expect("delete", subject.client.delete(f"{subject.name}/{gone}"), 200, 204)
    yield from expect("delete", subject.client.get(f"{subject.name}/{gone}"), 410)
    yield from expect("delete", subject.client.get(subject.url), 200)


def history_instance(subject: Subject) -> Iterator[str]:
    """List the versions of one resource and no other's."""
    answer = subject.client.get(f"{subject.url}/_history?_count=1000")
    yield from expect("history-instance", answer, 200)
    ids = {entry["resource"]["id"] for entry in answer.json["entry"]}
    versions = [entry["resource"]["meta"]["versionId"] for entry in answer.json["entry"]]
    if ids != {subject.id} or not {"1", "2"} <= set(versions):
        yield f"history-instance: {ids} with the versions {versions}"
    unknown = subject.client.get(f"{subject.name}/{NOBODY}/_history")
    yield from expect("history-instance", unknown, 404)


def history_type(subject: Subject) -> Iterator[str]:
    """List versions of the type and of no other."""
    answer = subject.client.get(f"{subject.name}/_history?_count=20")
    yield from expect("history-type", answer, 200)
    found = [each["resource"] for each in answer.json["entry"] if "resource" in each]
    if subject.id not in {each["id"] for each in found}:
        yield "history-type: what was just written is missing"
    if {each["resourceType"] for each in found} != {subject.name}:
        yield "history-type: other types are in it"


def search_type(subject: Subject) -> Iterator[str]:
    """Find by GET and by POST, and only what matches."""
    form = {"content_type": "application/x-www-form-urlencoded"}
    query = f"_id={subject.id}"
    by_get = subject.client.get(f"{subject.name}?{query}")
    by_post = subject.client.post(f"{subject.name}/_search", query.encode(), **form)
    for answer in (by_get, by_post):
        yield from expect("search-type", answer, 200)
        if [each["resource"]["id"] for each in answer.json.get("entry", ())] != [subject.id]:
            yield "search-type: not the one resource"
    nothing = subject.client.get(f"{subject.name}?_id={NOBODY}")
    if nothing.json.get("entry"):
        yield "search-type: something for an id that does not exist"


def conditional_create(subject: Subject) -> Iterator[str]:
    """Create only where nothing matches."""
    query, content = _tagged(subject, "create")
    first = subject.client.post(subject.name, content, if_none_exist=query)
    yield from expect("conditionalCreate", first, 201)
    again = subject.client.post(subject.name, content, if_none_exist=query)
    yield from expect("conditionalCreate", again, 200)


def conditional_read(subject: Subject) -> Iterator[str]:
    """Give nothing new to who has it, and the resource to who has not."""
    known = subject.client.get(subject.url).headers
    for header, value, status in (
        ("if_none_match", known["etag"], 304),
        ("if_none_match", 'W/"99"', 200),
        ("if_modified_since", known["last-modified"], 304),
        ("if_modified_since", "Mon, 01 Jan 1990 00:00:00 GMT", 200),
    ):
        answer = subject.client.get(subject.url, **{header: value})
        yield from expect(f"conditionalRead {header}", answer, status)


def conditional_update(subject: Subject) -> Iterator[str]:
    """Create where nothing matches, change the one that does, refuse where several do."""
    query, content = _tagged(subject, "update")
    url = f"{subject.name}?{query}"
    yield from expect("conditionalUpdate", subject.client.put(url, content), 201)
    changed = subject.client.put(url, content | {"language": "es"})
    yield from expect("conditionalUpdate", changed, 200)
    subject.client.post(subject.name, content)
    yield from expect("conditionalUpdate", subject.client.put(url, content), 412)


def conditional_delete(subject: Subject) -> Iterator[str]:
    """Delete the one match; where there are several, none (`single`)."""
    query, content = _tagged(subject, "delete")
    url = f"{subject.name}?{query}"
    ids = [subject.client.post(subject.name, content).json["id"] for _ in range(2)]
    yield from expect("conditionalDelete", subject.client.delete(url), 412)
    subject.client.delete(f"{subject.name}/{ids[0]}")
    yield from expect("conditionalDelete", subject.client.delete(url), 200, 204)
    yield from expect("conditionalDelete", subject.client.get(f"{subject.name}/{ids[1]}"), 410)


def update_create(subject: Subject) -> Iterator[str]:
    """Let a client choose the id."""
    id_ = f"chosen-{subject.name}"
    content = minimal(subject.name) | {"id": id_}
    yield from expect("updateCreate", subject.client.put(f"{subject.name}/{id_}", content), 201)


def _tagged(subject: Subject, tag: str) -> tuple[str, Json]:
    content = minimal(subject.name) | {"meta": {"tag": [{"system": _TAGS, "code": tag}]}}
    return f"_tag={_TAGS}|{tag}", content


INTERACTIONS: dict[str, Trial] = {
    "create": create,
    "delete": delete,
    "history-instance": history_instance,
    "history-type": history_type,
    "patch": patch,
    "read": read,
    "search-type": search_type,
    "update": update,
    "vread": vread,
}
STATED: dict[str, tuple[Json, Trial]] = {
    "conditionalCreate": (True, conditional_create),
    "conditionalDelete": ("single", conditional_delete),
    "conditionalRead": ("full-support", conditional_read),
    "conditionalUpdate": (True, conditional_update),
    "readHistory": (True, vread),
    "updateCreate": (True, update_create),
    "versioning": ("versioned", vread),
}
ELSEWHERE = frozenset(
    (
        "type",
        "profile",
        "interaction",
        "operation",
        "referencePolicy",
        "searchInclude",
        "searchParam",
        "searchRevInclude",
    )
)
"""Elements of rest.resource that other tests of this folder walk."""
