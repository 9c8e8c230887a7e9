"""A database to search in, and how to ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from fhirserver.definitions import r4
from fhirserver.model.json import JsonObject
from fhirserver.search.context import SearchContext
from fhirserver.search.extract import extract
from fhirserver.search.granted import Granted
from fhirserver.search.order import Position
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.search import SearchPage, execute
from fhirserver.store.write import Change, write

AUDIT = AuditRow("search-type", "tester", "tests", "r1", "")
BASE = "http://here.example/fhir"
NOW_US = 1_760_000_000_000_000
"""2025-10-09T08:53:20Z."""

Confine = Callable[[str], tuple[str, ...] | None]


def grants_of(confine: Confine) -> Callable[[str], tuple[Granted, ...]]:
    """Grant all of a type, some patients' compartments, or nothing."""

    def granted(type_: str) -> tuple[Granted, ...]:
        patients = confine(type_)
        return () if patients == () else (Granted(patients),)

    return granted


def nothing_confines(_type: str) -> None:
    """Grant every type."""


class Searcher:
    """Stores resources and searches them, as interactions do."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.context = SearchContext(r4(), BASE, NOW_US, page_size=1000)

    def store(self, resources: Iterable[JsonObject]) -> None:
        definitions = self.context.definitions
        changes = [
            Change(
                each["resourceType"],
                each["id"],
                "PUT",
                each,
                extract(each, definitions=definitions, base_url=BASE),
            )
            for each in resources
        ]
        for start in range(0, len(changes), 500):
            write(self.database, changes[start : start + 500], AUDIT, "off")

    def delete(self, type_name: str, id_: str) -> None:
        write(self.database, [Change(type_name, id_, "DELETE", None, None)], AUDIT, "off")

    def page(
        self,
        type_name: str | None,
        query: str,
        *,
        confine: Confine = nothing_confines,
        position: Position | None = None,
        compartment: tuple[str, str] | None = None,
    ) -> SearchPage:
        parsed = parse(
            parse_qsl(query, keep_blank_values=True),
            None if type_name is None else (type_name,),
            self.context,
            compartment=compartment,
        )
        plan = make_plan(parsed, self.context, grants_of(confine), position)
        return execute(self.database, plan, AUDIT)

    def ids(self, type_name: str | None, query: str, **options: object) -> list[str]:
        page = self.page(type_name, query, **options)  # type: ignore[arg-type]
        return [match.id for match in page.matches]

    def pages(
        self, type_name: str | None, query: str, *, confine: Confine = nothing_confines
    ) -> list[SearchPage]:
        """Follow `next` to the end."""
        pages = [self.page(type_name, query, confine=confine)]
        while pages[-1].next is not None:
            assert len(pages) < 500, "the pages do not end"
            pages.append(self.page(type_name, query, confine=confine, position=pages[-1].next))
        return pages

    def with_context(self, **changes: object) -> Searcher:
        other = Searcher(self.database)
        other.context = replace(self.context, **changes)  # type: ignore[arg-type]
        return other


@pytest.fixture(scope="module")
def searcher(database: Database) -> Searcher:
    return Searcher(database)


def ids_of(pages: Sequence[SearchPage]) -> list[str]:
    return [match.id for page in pages for match in page.matches]
