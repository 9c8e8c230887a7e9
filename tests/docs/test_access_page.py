"""docs/access.md holds the tables of roles, types and interactions as they are in the program."""

import re
from pathlib import Path

import pytest

from fhirserver.access import NEEDS, ROLES
from fhirserver.access.boundary import LINKED, compartment_types
from fhirserver.access.clearance import CARE, EVERY, ORDINARY
from fhirserver.access.masks import MASKED, NARRATIVE
from fhirserver.access.scope import LETTERS, NO_RIGHT, letters_of
from fhirserver.access.scope_consent import CATEGORIES
from fhirserver.access.type_groups import GROUPS, IMPERSONAL, SHARED, types_of

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "access.md").read_text("utf-8")
ROWS = {
    cells[0]: cells[1:]
    for cells in (
        [cell.strip() for cell in line.strip().split("|")[1:-1]]
        for line in PAGE.splitlines()
        if line.strip().startswith("|")
    )
    if len(cells) != 2 or cells[0] not in GROUPS
}
TYPES = dict(re.findall(r"^\| ([a-z]+) \| ((?:[A-Z]\w+(?:, )?)+) \|$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("group", GROUPS)
def test_rights_of_roles_and_types_of_groups(group: str) -> None:
    """SEC-N5: the page says of every role and type what the policy does."""
    assert TYPES[group] == ", ".join(GROUPS[group])
    assert ROWS["types"] == [f"`{name}`" for name in ROLES]
    for name, cell in zip(ROLES, ROWS[group], strict=True):
        for type_ in GROUPS[group]:
            assert letters_of(ROLES[name].rights.get(type_, NO_RIGHT)) == cell


@pytest.mark.parametrize("name", ROLES)
def test_what_a_role_is_beside_its_rights(name: str) -> None:
    confined = PAGE[PAGE.index("Letters are rights") :].partition("are confined to")[0]
    role = ROLES[name]
    last = confined.rpartition("\n\n")[2]
    assert (f"`{name}`" in last) is role.confined
    breaking = re.search(r"([^.]+) may break the glass", PAGE)
    assert breaking is not None
    assert (f"`{name}`" in breaking[1]) is role.breaks_glass
    assert role.administers is (name == "administrator")


@pytest.mark.parametrize("name", ROLES)
def test_what_a_role_is_cleared_for(name: str) -> None:
    """SEC-N2, SEC-E25."""
    words = {ORDINARY: "none", CARE: "R and sensitive ones", EVERY: "all"}
    told, *glass = ROWS[f"`{name}`"][0].split("; ")
    assert told == words[ROLES[name].cleared]
    assert glass == ["V with the glass broken for the patient"] * ROLES[name].breaks_glass


@pytest.mark.parametrize("role", MASKED)
def test_what_is_withheld_from_a_role(role: str) -> None:
    """SEC-N5, SEC-E19."""
    column = ROWS["withheld"].index(f"`{role}`")
    told = {name[3:]: row[column] for name, row in ROWS.items() if name.startswith("of ")}
    told = {name: cell for name, cell in told.items() if cell}
    assert told == {
        name: ", ".join(sorted((NARRATIVE, *words), key=str.lower))
        for name, words in MASKED[role].items()
    }
    assert len(ROWS["withheld"]) == len(MASKED)


@pytest.mark.parametrize("letter", LETTERS)
def test_interactions_of_a_right(letter: str) -> None:
    named = set(re.findall(r"`([a-z-]+)`", ROWS[f"`{letter}`"][0]))
    of_right = {name for name, need in NEEDS.items() if need.right is LETTERS[letter]}
    assert named == of_right - {"search-explain", "label"}


def test_every_interaction_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in NEEDS)


def test_groups_that_are_about_nobody() -> None:
    """SEC-E6: the list of what a patient's app may look up."""
    shared = next(row for row in ROWS if row.startswith("directory,"))
    assert types_of(*shared.split(", ")) == SHARED
    assert types_of("slots", "knowledge") == IMPERSONAL - SHARED
    assert "slots, knowledge" in ROWS
    assert set(LINKED) <= set(ROWS)
    assert f"{len(compartment_types())} types of R4's Patient compartment" in ROWS


@pytest.mark.parametrize("type_", CATEGORIES)
def test_parts_to_choose(type_: str) -> None:
    assert ROWS[type_] == [", ".join(CATEGORIES[type_].values()).lower()]
