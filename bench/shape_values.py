"""Values for search shapes, drawn from what is stored, and what their answers must hold."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from shape_data import SEED, record
from shape_facts import of_type, values

from fhirserver.model.json import JsonObject
from fhirserver.samples.clinic import Clinic

DRAWN = 300
"""Patients whose records values are drawn from, spread over all."""


class WrongAnswerError(Exception):
    """An answer that is not what the data say."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One search.

    Attributes:
        path: below the server's base.
        match: what every match must fulfil.
        ids: of all matches, whatever their order; None where only `match` is known.
        among: id that must be among them; "" for none.
        newest: path of the date by which they come, latest first; "" for no such order.
        total: matches on all pages; None where it is not known.
        includes: resources that must come along, at least.
    """

    path: str
    match: Callable[[JsonObject], bool]
    ids: frozenset[str] | None = None
    among: str = ""
    newest: str = ""
    total: int | None = None
    includes: int = 0


@dataclass(slots=True)
class Live:
    """What is stored, as far as searches are made of it.

    Attributes:
        chance: draws.
        records: of some patients, each with the Patient first.
        clinic: practitioners, locations and organisations.
        counts: resources by what is said of them, e.g. "Observation 8867-4".
    """

    chance: random.Random
    records: list[list[JsonObject]]
    clinic: Clinic
    counts: Counter[str] = field(default_factory=Counter)

    def a_record(self) -> list[JsonObject]:
        """Draw a patient's record."""
        return self.chance.choice(self.records)

    def a(self, kind: str, said: Callable[[JsonObject], bool] = bool) -> JsonObject:
        """Draw a resource of a type."""
        return self.chance.choice(
            [each for every in self.records for each in of_type(every, kind) if said(each)]
        )


def live(scale: int, visits: int, counts: Counter[str]) -> Live:
    """Draw from as many patients as are stored."""
    chance = random.Random(scale)
    clinic = Clinic(SEED)
    numbers = chance.sample(range(scale), min(DRAWN, scale))
    records = [record(clinic, number, visits) for number in numbers]
    return Live(chance, records, clinic, counts)


def check(asked: Asked, bundle: JsonObject) -> None:
    """Compare an answer with what is known of it.

    Raises:
        WrongAnswerError: it is another one.
    """
    entries = bundle.get("entry", [])
    matches = [each["resource"] for each in entries if each["search"]["mode"] == "match"]
    ids = [each["id"] for each in matches]
    dates = [values(each, asked.newest)[0] for each in matches] if asked.newest else []
    whole = all(link["relation"] != "next" for link in bundle["link"])
    said = {
        "a match that is none": all(map(asked.match, matches)),
        "a match twice": len(ids) == len(set(ids)),
        "nothing found": bool(ids),
        "others than there are": asked.ids is None or set(ids) == asked.ids,
        "one is missing": not asked.among or not whole or asked.among in ids,
        "not in order": dates == sorted(dates, reverse=True),
        "another total": asked.total is None or bundle["total"] == asked.total,
        "too little included": len(entries) - len(matches) >= asked.includes,
    }
    wrong = [name for name, fine in said.items() if not fine]
    if wrong:
        raise WrongAnswerError(f"{asked.path}: {', '.join(wrong)}")
