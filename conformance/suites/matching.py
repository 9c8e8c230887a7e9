"""What an answer to a search must hold, and what it must not, as asserts.

What fails shows what is lost, or what is there and should not be: the expression gives just that.
"""

from collections.abc import Iterable, Iterator

from fhirserver_conformance.suites.testscript import Json, expect_nothing
from fhirserver_conformance.suites.world import World

Shown = tuple[Json, frozenset[str]]
"""A test and the claims that it shows."""


def found_and_absent(
    world: World, kind: str, found: Iterable[str], absent: Iterable[str]
) -> Iterator[Json]:
    """Expect resources of a type in the last answer by their names, and others not."""
    answered = world.found(kind)
    for names, method, said in (
        (sorted(map(world.shown, found)), "exclude", "finds"),
        (sorted(map(world.shown, absent)), "intersect", "does not find"),
    ):
        if names:
            listed = " | ".join(f"'{name}'" for name in names)
            expression = f"Bundle.select(({listed}).{method}({answered}))"
            yield expect_nothing(f"{said} {', '.join(names)}", expression)
