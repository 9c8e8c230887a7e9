"""Searches that differ in one token only, in one statement. Pure.

Spec: https://hl7.org/fhir/R4/search.html#token

    Practitioner?identifier=s|1    Practitioner?identifier=s|2    Practitioner?identifier=t|1

The plan of one of them is that of all: PostgreSQL runs its page once for every token of a list,
each with the page's own limit, and within what the caller may see.
"""

from collections.abc import Sequence
from dataclasses import replace

from fhirserver.search.condition_sql import select
from fhirserver.search.conditions import ALWAYS, Fragment
from fhirserver.search.criteria import COLUMNS
from fhirserver.search.params import token
from fhirserver.search.params.token import TokenValue
from fhirserver.search.phases import Phase
from fhirserver.search.plan import Plan
from fhirserver.search.query import Criterion, Query
from fhirserver.search.source import IndexSource
from fhirserver.search.sql import page_query

_OF_LIST = Fragment("@.code = wanted.code AND @.system = wanted.system")
_FROM = """unnest(%s::text[], %s::bigint[]) WITH ORDINALITY wanted (code, system, n)
    CROSS JOIN LATERAL ({page}) page JOIN resource r ON r.rid = page.rid"""


def only_token(query: Query) -> TokenValue | None:
    """Give the system|code that is all a query asks for; None where it asks for more, or else."""
    match query.criteria:
        case (Criterion(parameters, None, (TokenValue(str(), str()) as value,)),):
            only = parameters[0]
            return value if only.type == "token" and only.code not in COLUMNS else None
        case _:
            return None


def each_token_sql(plan: Plan, tokens: Sequence[TokenValue], most: int) -> Fragment:
    """Find what each of several tokens selects.

    Args:
        plan: of a search for one token alone, in one phase.
        tokens: to search for instead of that, each with system and code.
        most: matches of each token; more are left out.

    Returns:
        SQL whose rows hold the token's number from 0, and id and version of a match.
    """
    page = page_query(_of_list(plan), None, most)
    keys = [token.test_of(each).params for each in tokens]
    codes, systems = ([key[column] for key in keys] for column in range(2))
    found = select("wanted.n - 1, r.id, r.version", _FROM.replace("{page}", page.text), ALWAYS)
    return Fragment(found.text, (codes, systems, *page.params))


def _of_list(plan: Plan) -> Phase:
    """Let a plan that begins with the rows of a token begin with those of a token of the list."""
    value, (phase,) = only_token(plan.query), plan.phases
    source = phase.source
    assert value is not None
    assert isinstance(source, IndexSource)
    assert source.rows.alternatives == (token.test_of(value),)
    rows = replace(source.rows, alternatives=(_OF_LIST,))
    return replace(phase, source=replace(source, rows=rows))
