"""What a script has seen so far: fixtures, requests, responses, where things were created."""

from collections.abc import Mapping
from typing import Literal

from fhirserver_conformance.engine.message import Message, request_of, response_of
from fhirserver_conformance.engine.places import Place
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.engine.variables import Variables
from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.results import Exchange
from fhirserver_conformance.script.model import Fixture, Operation, Script

Direction = Literal["request", "response"]


class State:
    """One script's run.

    Attributes:
        script: what is run.
        settings: of the run.
        variables: of the script.
        last: the most recent exchange; None before the first.
        places: where fixtures are, by destination and fixture id: the last place of each.
        made: every place that a fixture was sent to, with its destination and id, in order.
        unsure: fixtures that may have been created, likewise: no answer came.
    """

    def __init__(self, script: Script, settings: RunSettings) -> None:
        self.script = script
        self.settings = settings
        self.last: Exchange | None = None
        self.places: dict[tuple[int, str], Place] = {}
        self.made: list[tuple[int, str, Place]] = []
        self.unsure: set[tuple[int, str]] = set()
        self.variables = Variables(
            script.variables, dict(settings.variables), settings.fhirpath, self.source
        )
        self._fixtures: Mapping[str, Fixture] = {each.id: each for each in script.fixtures}
        self._named: dict[str, Message] = {}
        self._halves: dict[Direction, Message] = {}

    def target(self, destination: int | None) -> Target:
        """Give the server that a destination means; the first without one.

        Raises:
            ActionProblem: a skip, as the run has fewer servers.
        """
        targets = self.settings.targets
        index = destination or 1
        if index > len(targets):
            raise ActionProblem(
                f"the script needs a server for destination {index}; "
                f"this run has {len(targets)}: name one more",
                "skip",
            )
        return targets[index - 1]

    def remember(self, operation: Operation, exchange: Exchange) -> None:
        """Keep an exchange as the last one, and by the ids that the operation gives it."""
        self.last = exchange
        self._halves = {"response": response_of(exchange), "request": request_of(exchange)}
        if operation.response_id:
            label = f"the response '{operation.response_id}'"
            self._named[operation.response_id] = response_of(exchange, label)
        if operation.request_id:
            label = f"the request '{operation.request_id}'"
            self._named[operation.request_id] = request_of(exchange, label)

    def source(self, source_id: str | None) -> Message:
        """Give what a variable is read from: as `message`, with fixtures filled in leniently."""
        if source_id is None or source_id in self._named:
            return self.message(source_id)
        return self._of_fixture(source_id, lenient=True)

    def message(self, source_id: str | None, direction: Direction = "response") -> Message:
        """Give what a sourceId means; without one a half of the last exchange.

        Raises:
            ActionProblem: there is no such thing, not yet, or no answer came.
        """
        if source_id is None:
            found = self._halves.get(direction)
            if found is None:
                raise ActionProblem("no operation was run before; put one in front")
        else:
            found = self._named.get(source_id) or self._of_fixture(source_id)
        if found.failure is not None:
            raise ActionProblem(f"{found.label} is no whole answer: {found.failure}")
        return found

    def fixture(self, id: str) -> Fixture:
        """Give a fixture as the script has it.

        Raises:
            ActionProblem: there is none of that id, or it has no body.
        """
        fixture = self._fixtures.get(id)
        if fixture is None:
            raise ActionProblem(
                f"there is no fixture, and no response or request yet, with the id '{id}'"
            )
        if fixture.problem is not None:
            raise ActionProblem(f"fixture '{id}': {fixture.problem}")
        return fixture

    def _of_fixture(self, id: str, *, lenient: bool = False) -> Message:
        fixture = self.fixture(id)
        body = self.variables.fill_body(fixture.body, fixture.format, lenient=lenient)
        label = f"fixture '{id}'"
        return Message(label=label, document=Document(body, fixture.format, label))
