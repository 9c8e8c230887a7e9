"""What a handler works with: the request, where it goes, and what its caller wants."""

from dataclasses import dataclass

from fhirserver.access import AuthContext
from fhirserver.http.headers import Prefer, parse_prefer
from fhirserver.http.negotiation import Wanted
from fhirserver.http.query import Parameters
from fhirserver.http.request import Request
from fhirserver.http.routing import Route
from fhirserver.interactions import Query, Services
from fhirserver.interactions.once import Keyed
from fhirserver.store.standing import Presumed

_PRESENTATION = frozenset(("_format", "_pretty"))


@dataclass(slots=True)
class Exchange:
    """One request on its way to an answer.

    Attributes:
        services: what interactions work with.
        request: as it came.
        route: where it goes.
        parameters: of the URL, decoded; a `_search` form is appended to them.
        wanted: the format of the answer.
        auth: the caller.
        presumed: what `auth` rests on where that is still to be confirmed; None where it is known.
        keyed: what is asked for under an Idempotency-Key; None without one, and for what only
            reads.
    """

    services: Services
    request: Request
    route: Route
    parameters: Parameters
    wanted: Wanted
    auth: AuthContext
    presumed: Presumed | None = None
    keyed: Keyed | None = None

    @property
    def type(self) -> str:
        """The resource type of a route that has one."""
        assert self.route.type is not None
        return self.route.type

    @property
    def id(self) -> str:
        """The logical id of a route that has one."""
        assert self.route.id is not None
        return self.route.id

    @property
    def prefer(self) -> Prefer:
        """What the caller prefers."""
        return parse_prefer(self.request.headers.get("prefer"))

    def query(self) -> Query:
        """Give the parameters that an interaction may read, and how strict it is about them."""
        if not self.parameters:
            return _EMPTY_LENIENT if self.prefer.handling == "lenient" else _EMPTY
        return Query(
            tuple(pair for pair in self.parameters if pair[0] not in _PRESENTATION),
            self.prefer.handling or "strict",
        )


_EMPTY = Query()
_EMPTY_LENIENT = Query(handling="lenient")
