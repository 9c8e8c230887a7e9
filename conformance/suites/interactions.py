"""A script per type: every interaction, and whatever else is claimed of the type but its searches.

Spec: https://hl7.org/fhir/R4/http.html

Each script has one resource with two versions, version 2 in German. What a test creates it deletes
at its end.
"""

from collections.abc import Iterator

from fhirserver_conformance.examples.searches import TypeData
from fhirserver_conformance.suites import conditional, trials
from fhirserver_conformance.suites.pointing import pointing
from fhirserver_conformance.suites.statement import Statement
from fhirserver_conformance.suites.subject import Subject
from fhirserver_conformance.suites.testscript import (
    Draft,
    Json,
    expect_status,
    operation,
    phase,
    test,
    testscript,
)
from fhirserver_conformance.suites.world import World


def interaction_drafts(statement: Statement, run: str) -> Iterator[Draft]:
    """Make the scripts of all types that can be created."""
    for number, name in enumerate(statement.offers):
        draft = interaction_draft(name, statement, f"{run}i{number:03}")
        if draft is not None:
            yield draft


def interaction_draft(name: str, statement: Statement, prefix: str) -> Draft | None:
    """Make the script of a type; None where nothing can be created, or not what it refers to."""
    offer = statement.offers[name]
    resource = pointing(name, statement.offers)
    world = World(prefix, TypeData(name, resources={"pointing": resource}), statement)
    if "create" not in offer.interactions or "pointing" not in world.stored:
        return None
    subject = Subject(offer, world)
    shown = list(_tests(subject))
    fixtures = [*world.fixtures(), *subject.fixtures()]
    parts = {
        "variable": [*world.variables(), *subject.variables()],
        "fixture": [declared for declared, _, _ in fixtures],
        "setup": phase([*world.setup(), *_setup(subject)]),
        "test": [each for each, _ in shown],
        "teardown": phase([*_teardown(subject), *world.teardown()]),
    }
    return Draft(
        f"interactions/{name}.json",
        testscript(f"interactions {name}", f"What can be done with {name}.", parts),
        {f"interactions/{file}": body for _, file, body in fixtures},
        {each["name"]: claims for each, claims in shown},
    )


def _setup(subject: Subject) -> Iterator[Json]:
    yield subject.create("created")
    yield expect_status("201")
    if "update" in subject.offer.interactions:
        yield subject.update("second", "updated")
        yield expect_status("200")


def _teardown(subject: Subject) -> Iterator[Json]:
    if "delete" in subject.offer.interactions:
        yield operation("delete", {"targetId": "created"})


def _tests(subject: Subject) -> Iterator[tuple[Json, frozenset[str]]]:
    """Give a test for each claim that the tables know, in their order."""
    for table in (trials.INTERACTIONS, trials.OPERATIONS, conditional.STATED):
        for key, trial in table.items():
            actions = list(trial.actions(subject)) if trial.is_claimed(subject.offer) else []
            if actions:
                claim = f"{subject.offer.type}{key}"
                made = test(claim, trial.description, trial.shows, actions)
                yield made, frozenset({claim})
