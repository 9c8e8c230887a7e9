"""What leads into the first entry of a Bundle, and `_content`, against the database.

Spec: https://hl7.org/fhir/R4/bundle.html#search and https://hl7.org/fhir/R4/search.html#content
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from fhirserver.definitions import FullText, r4_with
from fhirserver.errors import InvalidSearchError, NotSupportedError
from fhirserver.search.extract import extract, extractor_of
from fhirserver.store.database import Database
from fhirserver.store.reindex import reindex_step
from fhirserver.store.verify import verify
from tests.search.found.conftest import BASE, Searcher

URN = "urn:uuid:0b0b0b0b-0000-4000-8000-000000000001"


def bundle(id_: str, kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "id": id_, "type": kind, "entry": list(entries)}


def composition(id_: str, code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Composition", "id": id_, "status": "final", "title": "Letter",
        "type": {"coding": [{"code": code}]}, "subject": {"reference": "Patient/nobody"}, **more,
    }  # fmt: skip


HEADER = {
    "resourceType": "MessageHeader", "id": "h", "eventUri": "http://acme.org/admit",
    "source": {"endpoint": "http://acme.org"},
}  # fmt: skip
RESOURCES = [
    bundle("doc", "document", {"fullUrl": URN, "resource": composition("c1", "letter")},
           {"resource": composition("c2", "second")}),
    bundle("other", "document", {"resource": composition("c2", "report")}),
    bundle("set", "collection", {"resource": composition("c1", "letter")}),
    bundle("msg", "message", {"fullUrl": "http://acme.org/MessageHeader/h", "resource": HEADER}),
    composition("c9", "letter", text={
        "status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">told</div>',
    }),
    {"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "c2VjcmV0"},
    {"resourceType": "Patient", "id": "p", "name": [{"given": ["Ève", "Maria"]}],
     "contained": [{"resourceType": "Organization", "id": "o", "name": "Inner"}],
     "managingOrganization": {"reference": "#o"}},
]  # fmt: skip
FOUND = [
    ("Bundle", "composition=c1", {"doc"}),
    ("Bundle", "composition=Composition/c2", {"other"}),
    ("Bundle", f"composition={URN}", {"doc"}),
    ("Bundle", f"composition={URN},c2", {"doc", "other"}),
    ("Bundle", "composition:missing=true", {"set", "msg"}),
    ("Bundle", "composition.type=letter", {"doc"}),
    ("Bundle", "composition.type=second", set[str]()),
    ("Bundle", "composition.type:not=letter", {"other"}),
    ("Bundle", "composition.title=let", {"doc", "other"}),
    ("Bundle", "_filter=composition.type eq letter", {"doc"}),
    ("Bundle", "message=h", {"msg"}),
    ("Bundle", "message=http://acme.org/MessageHeader/h", {"msg"}),
    ("Bundle", "composition=http://acme.org/MessageHeader/h", set[str]()),
    ("Bundle", "message:missing=false", {"msg"}),
    ("Bundle", "message.event=http://acme.org/admit", {"msg"}),
    ("Composition", "type=letter", {"c9"}),
    ("Composition", "type=letter&_contained=true", set[str]()),
    ("Composition", "type=letter&_contained=both", {"c9"}),
    ("Composition", "_has:Bundle:composition:type=document", set[str]()),
    ("Patient", "_content=eve maria", {"p"}),
    ("Patient", '_content="maria eve"', set[str]()),
    ("Patient", "_content=mari", set[str]()),
    ("Patient", "_content=inner and not nothing", {"p"}),
    ("Organization", "_content=inner&_contained=true", {"p"}),
    ("Patient", "organization._content=inner", {"p"}),
    ("Patient", "_content:missing=true", set[str]()),
    ("Patient", "_filter=_content eq \"maria\"", {"p"}),
    ("Composition", "_content=told", {"c9"}),
    ("Composition", "_content=xhtml or div or c9", set[str]()),
    ("Binary", "_content=plain", {"b"}),
    ("Binary", "_content=c2VjcmV0", set[str]()),
    (None, "_type=Patient,Composition&_content=maria or told", {"p", "c9"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def wordy(database: Database) -> Iterator[Searcher]:
    """A server that indexes the words of everything."""
    definitions = r4_with("content")
    with closing(Database(database.url, max_size=2, full_text="content")) as own:
        searcher = Searcher(own).with_context(definitions=definitions)
        searcher.store(RESOURCES)
        yield searcher


@pytest.mark.parametrize(
    ("type_name", "query", "ids"),
    [pytest.param(*row, id=f"{row[0]}?{row[1]}") for row in FOUND],
)
def test_found(wordy: Searcher, type_name: str | None, query: str, ids: set[str]) -> None:
    page = wordy.page(type_name, f"{query}&_total=accurate")
    assert {match.id for match in page.matches} == ids
    assert page.total == len(ids)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("_include=Bundle:composition", "comes with the Bundle"),
        ("_sort=composition", "no order"),
        ("_sort=_content", "no order"),
        ("composition:identifier=a", ":missing"),
        ("composition:Patient=a", "Composition"),
    ],
)
def test_refused(wordy: Searcher, query: str, names: str) -> None:
    with pytest.raises((InvalidSearchError, NotSupportedError), match=names):
        wordy.page("Bundle", query)


@pytest.mark.parametrize(("full_text", "refused"), [("off", "_text"), ("text", "_content")])
def test_words_that_are_not_indexed_are_refused(
    wordy: Searcher, full_text: Any, refused: str
) -> None:
    other = wordy.with_context(definitions=r4_with(full_text))
    with pytest.raises(NotSupportedError, match="FHIRSERVER_FULL_TEXT"):
        other.page("Patient", f"{refused}=a")


def test_another_choice_of_words_is_made_good_by_reindexing(wordy: Searcher) -> None:
    """Once each way; what is not asked for leaves no words, and everything agrees afterwards."""
    choices: tuple[FullText, ...] = ("off", "content")
    for full_text in choices:
        definitions = r4_with(full_text)
        with closing(Database(wordy.database.url, max_size=1, full_text=full_text)) as other:

            def rows_of(resource: Any, definitions: Any = definitions) -> Any:
                return extract(resource, definitions=definitions, base_url=BASE)

            assert reindex_step(other, rows_of).rewritten == len(RESOURCES)
            assert reindex_step(other, rows_of).looked_at == 0
            with other.connection() as connection:
                (count,) = connection.execute("SELECT count(*) FROM both_content").fetchone() or ()
            assert (count > 0) is (full_text == "content")
        report = verify(
            wordy.database.url, definitions, extract=rows_of, extractor=extractor_of(definitions)
        )
        assert report.findings == []


def test_verify_sees_rows_of_contained_resources(wordy: Searcher) -> None:
    definitions = r4_with("content")

    def rules() -> set[tuple[str, str]]:
        report = verify(
            wordy.database.url, definitions, extract=None, extractor=extractor_of(definitions)
        )
        return {(each.place, each.rule) for each in report.findings}

    with wordy.database.connection() as connection:
        for damage, found in (
            ("UPDATE contained_string SET norm = 'x'", ("Patient/p", "index rows")),
            ("UPDATE contained SET present = '{}' WHERE id = 'o'", ("Patient/p", "index rows")),
            ("UPDATE contained_string SET rid = 5", ("contained_string", "orphans")),
        ):
            connection.execute("BEGIN")
            kept = connection.execute(f"CREATE TABLE kept AS TABLE {damage.split()[1]}")
            assert kept.rowcount
            connection.execute(damage)
            connection.execute("COMMIT")
            assert found in rules()
            connection.execute(f"TRUNCATE {damage.split()[1]}")
            connection.execute(f"INSERT INTO {damage.split()[1]} TABLE kept")
            connection.execute("DROP TABLE kept")
    assert rules() == set()
