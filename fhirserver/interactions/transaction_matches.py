"""Conditional references: which resource a search inside a reference means.

Spec: https://hl7.org/fhir/R4/http.html#trules, "Conditional References"

R4 resolves them after the writes of the same transaction, so a reference may mean what this Bundle
creates or changes. Those bodies are not stored yet: a search by plain tokens (identifier, code,
status ...) is held against the index rows of the Bundle's own resources; any other search sees only
what was stored before, less what the Bundle deletes.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fhirserver.interactions.conditions import Condition
from fhirserver.model.json import JsonObject
from fhirserver.search.context import SearchContext
from fhirserver.search.extract import IndexRows, extract
from fhirserver.search.held import holds
from fhirserver.search.params.token import TokenValue
from fhirserver.search.parse import parse
from fhirserver.search.query import Clause, Criterion


class Candidate(NamedTuple):
    """A resource that the transaction writes.

    Attributes:
        id: the id that it will have.
        resource: its content; references need not be filled in.
    """

    id: str
    resource: JsonObject


class BundleMatcher:
    """Holds conditions against what a Bundle writes. Pure.

    Args:
        context: surroundings of the queries.
        candidates: by type.
    """

    def __init__(
        self, context: SearchContext, candidates: Mapping[str, Sequence[Candidate]]
    ) -> None:
        self._context = context
        self._candidates = candidates
        self._rows: dict[str, list[tuple[str, IndexRows]]] = {}

    def matches(self, wanted: Condition) -> set[str] | None:
        """Find the ids of written resources that fulfil a condition.

        Returns:
            Ids; None where this kind of condition cannot be told without the database.
        """
        if not self._candidates.get(wanted.type):
            return set()
        query = parse(wanted.pairs, (wanted.type,), self._context)
        if not all(map(_is_plain_token, query.criteria)):
            return None
        return {
            id_
            for id_, rows in self._rows_of(wanted.type)
            if all(
                isinstance(each, Criterion) and holds(each, id_, rows) for each in query.criteria
            )
        }

    def _rows_of(self, type_: str) -> list[tuple[str, IndexRows]]:
        found = self._rows.get(type_)
        if found is None:
            found = self._rows[type_] = [
                (each.id, self._extract(each.resource)) for each in self._candidates[type_]
            ]
        return found

    def _extract(self, resource: JsonObject) -> IndexRows:
        context = self._context
        return extract(resource, definitions=context.definitions, base_url=context.base_url)


def _is_plain_token(clause: Clause) -> bool:
    return (
        isinstance(clause, Criterion)
        and clause.modifier is None
        and clause.parameter.code != "_id"
        and all(isinstance(value, TokenValue) for value in clause.values)
    )
