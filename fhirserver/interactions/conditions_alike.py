"""Conditions of a transaction that differ in one token only: searched in one statement.

Spec: https://hl7.org/fhir/R4/http.html#trules

A Bundle that names many practitioners, each by an identifier, would otherwise cost a search for
each. Whatever asks for more than one `system|code` of a parameter is searched by itself, and so is
a condition that selects several where it matters how many.
"""

from collections.abc import Iterable, Iterator, Sequence

from fhirserver.access import AuthContext
from fhirserver.errors import InvalidSearchError
from fhirserver.interactions.conditions import Condition, Match, matching, parse_condition
from fhirserver.interactions.permit import confine
from fhirserver.interactions.types import Services
from fhirserver.search.context import SearchContext
from fhirserver.search.each_token import only_token
from fhirserver.search.params.token import TokenValue
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.search import find_each
from fhirserver.store.write import WriteSession

_ENOUGH = 2
"""Matches that tell none, one and several apart."""
_AT_ONCE = 500
"""Look-ups of one statement, all within the time limit of one."""

_Kind = tuple[str, str]


class Conditions:
    """Finds what conditions select; what each selects is looked up once.

    Args:
        services: what the interaction works with.
        auth: the caller.
        session: the transaction, which changes nothing between two searches.
        wanted: all that will be asked for.
    """

    def __init__(
        self,
        services: Services,
        auth: AuthContext,
        session: WriteSession,
        wanted: Iterable[Condition],
    ) -> None:
        self._services = services
        self._auth = auth
        self._session = session
        self._alike: dict[_Kind, dict[Condition, None]] = {}
        for each in wanted:
            if len(each.pairs) == 1:
                self._alike.setdefault(_kind(each), {})[each] = None
        self._found: dict[Condition, list[Match]] = {}

    def matching(self, wanted: Condition, most: int) -> list[Match]:
        """Find what a condition selects; see `conditions.matching`."""
        if wanted not in self._found and len(self._alike.get(_kind(wanted), ())) > 1:
            self._search_alike(wanted)
        found = self._found.get(wanted)
        if found is not None and (len(found) < _ENOUGH or most <= _ENOUGH):
            return found[:most]
        return matching(self._services, self._auth, self._session, wanted, most)

    def _search_alike(self, wanted: Condition) -> None:
        """Search for all that are like a condition, if it is of those that are searched so."""
        parsed, context = parse_condition(self._services, self._auth, self._session, wanted)
        if only_token(parsed) is None:
            return
        alike = dict(_tokens(self._alike.pop(_kind(wanted)), context))
        plan = make_plan(parsed, context, confine(self._services, self._auth))
        for some in _parts(list(alike)):
            tokens = [alike[each] for each in some]
            found = find_each(self._session.connection, plan, tokens, _ENOUGH)
            matches = ([Match(*match) for match in each] for each in found)
            self._found |= zip(some, matches, strict=True)


def _kind(wanted: Condition) -> _Kind:
    """Give what conditions have in common that may be searched together."""
    return wanted.type, wanted.pairs[0][0]


def _tokens(
    alike: Iterable[Condition], context: SearchContext
) -> Iterator[tuple[Condition, TokenValue]]:
    """Read the tokens of conditions; what is wrong with one is told in its turn."""
    for each in alike:
        try:
            value = only_token(parse(each.pairs, (each.type,), context))
        except InvalidSearchError:
            continue
        if value is not None:
            yield each, value


def _parts(wanted: Sequence[Condition]) -> Iterator[Sequence[Condition]]:
    for start in range(0, len(wanted), _AT_ONCE):
        yield wanted[start : start + _AT_ONCE]
