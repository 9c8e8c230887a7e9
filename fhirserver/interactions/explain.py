"""`_explain`: how a search is run, for administrators; our own addition to FHIR.

    _explain=true    the statements run, too, and their times are told
    _explain=plan    they do not

The answer is a Parameters resource with no resource and no value of one in it:

    query        the search as it was understood
    access       per kind of confinement: types, the policy's reason, what it confines to
    condition    per condition: where it comes from (query, or access and address), its SQL
    total        how the total is found
    parse_ms, plan_ms
    statement    purpose, sql, parameters (their number), planning_ms, execution_ms, plan

It asks the policy for `search-explain`, and who is confined in any way is refused: figures of
PostgreSQL tell of everybody's resources.
"""

from collections.abc import Iterator
from decimal import Decimal

from fhirserver.access import Access, AuthContext, Decision
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.permit import permit
from fhirserver.interactions.request_url import Pairs
from fhirserver.interactions.types import Result, Services
from fhirserver.model.json import JsonObject, write_json
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.plan import Plan
from fhirserver.search.refusal import invalid_value
from fhirserver.search.render import join_pairs, render_pairs
from fhirserver.store.explain import Explained, numbered

PARAMETER = "_explain"
_VALUES = ("true", "plan")
INTERACTION = "search-explain"


def asks_to_explain(pairs: Pairs) -> bool:
    """Whether a search asks for its explanation."""
    return any(name == PARAMETER for name, _ in pairs)


def take_out(services: Services, auth: AuthContext, pairs: Pairs) -> tuple[Pairs, bool]:
    """Take `_explain` out of a search.

    Returns:
        The other parameters, and whether the statements shall run.

    Raises:
        ForbiddenError: the caller is no administrator.
        InvalidSearchError: a value that does not exist, or several.
    """
    decision = permit(services, auth, INTERACTION, None)
    if not decision.unconfined:
        raise ForbiddenError("Only administrators may have a search explained; leave out _explain.")
    values = [value for name, value in pairs if name == PARAMETER]
    if len(values) > 1 or values[0] not in _VALUES:
        raise invalid_value(PARAMETER, ",".join(values), f"give one of {', '.join(_VALUES)}")
    return tuple(pair for pair in pairs if pair[0] != PARAMETER), values[0] == "true"


def report(
    services: Services,
    auth: AuthContext,
    plan: Plan,
    took_ms: dict[str, float],
    statements: list[Explained],
) -> Result:
    """Write what is known of a search.

    Args:
        services: what the interaction works with.
        auth: the caller.
        plan: of the search.
        took_ms: time of each step, e.g. {"parse": 0.1}.
        statements: as the store explained them.
    """
    parameters = [
        _text("query", join_pairs(render_pairs(plan.query))),
        *_access(services, auth, plan),
        *_conditions(plan),
        _text("total", plan.count),
        *(_number(f"{step}_ms", time_ms) for step, time_ms in took_ms.items()),
        *map(_statement, statements),
    ]
    body = write_json({"resourceType": "Parameters", "parameter": [*parameters]})
    return Result(200, body=body, no_store=True)


def _access(services: Services, auth: AuthContext, plan: Plan) -> Iterator[JsonObject]:
    """Tell what access does to each type; never to which patients it confines."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in plan.query.types:
        decision = services.policy(auth, Access("search-type", name))
        confined = "to nothing" if not decision.allowed else "not"
        if decision.allowed and not decision.unconfined:
            confined = _confined(decision)
        groups.setdefault((confined, decision.reason), []).append(name)
    for (confined, reason), names in groups.items():
        parts = [_text("types", ",".join(names)), _text("confined", confined)]
        yield {"name": "access", "part": [*parts, _text("reason", reason)]}


def _confined(decision: Decision) -> str:
    """Say to what a decision confines: to how many patients, or by which parameters."""
    patients = "" if decision.patients is None else f"to {len(decision.patients)} patients"
    names = sorted({name for grant in decision.grants for name, _ in grant.where})
    criteria = f"by {', '.join(names)}" if names else ""
    return f"{patients} {criteria}".strip() or "to nothing"


def _conditions(plan: Plan) -> Iterator[JsonObject]:
    """Tell what must hold of a resource's row, called r, and where that comes from."""
    draft = plan.draft
    if draft is None:
        return
    if draft.confinement.scope is not None:
        origin = "access or address" if draft.confinement.pin is None else "query"
        told = f"in the compartments of {len(draft.confinement.scope.ids)} patients"
        yield {"name": "condition", "part": [_text("from", origin), _text("scope", told)]}
    for clause, condition in draft.found:
        origin = "access or address" if clause is None else "query"
        sql = numbered(test(condition, Row("r")).text)
        yield {"name": "condition", "part": [_text("from", origin), _text("sql", sql)]}


def _statement(explained: Explained) -> JsonObject:
    parts = [
        _text("purpose", explained.purpose),
        _text("sql", explained.sql),
        {"name": "parameters", "valueInteger": explained.parameters},
        _number("planning_ms", explained.planning_ms),
    ]
    if explained.execution_ms is not None:
        parts.append(_number("execution_ms", explained.execution_ms))
    return {"name": "statement", "part": [*parts, _text("plan", "\n".join(explained.nodes))]}


def _text(name: str, value: str) -> JsonObject:
    return {"name": name, "valueString": value or "(none)"}


def _number(name: str, value: float) -> JsonObject:
    return {"name": name, "valueDecimal": Decimal(f"{value:.3f}")}
