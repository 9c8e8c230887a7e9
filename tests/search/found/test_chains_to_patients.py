"""Chains to patients beside other criteria, which read in the compartments of those patients.

What they find must not hang on which compartments a resource is in, or whether it is in any.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.search.found.conftest import Searcher, ids_of

FEW, MANY = 2, 12
"""Performers: up to eight patients have copies of the rows in their compartments."""


def patient(id_: str, family: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, "name": [{"family": family}], "gender": "female"}


def observation(id_: str, *performers: str, subject: str | None, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id_, "status": "final",
        "code": {"coding": [{"system": "http://s", "code": "c"}]},
        "effectiveDateTime": "2020-01-01",
        **({} if subject is None else {"subject": {"reference": subject}}),
        "performer": [{"reference": each} for each in performers], **more,
    }  # fmt: skip


OTHERS = [f"Patient/other{number:02}" for number in range(MANY)]
RESOURCES = [
    patient("eve", "Eve"),
    patient("eva", "Eve"),
    patient("adam", "Adam"),
    *(patient(each.partition("/")[2], f"Other{each[-2:]}") for each in OTHERS),
    {"resourceType": "Location", "id": "room", "name": "Eve's room"},
    observation("of-eve", subject="Patient/eve"),
    observation("of-eva", subject="Patient/eva"),
    observation("of-adam", subject="Patient/adam"),
    observation("by-eve", "Patient/eve", subject="Patient/adam"),
    observation("by-adam", "Patient/adam", subject="Patient/eve"),
    observation("by-both", "Patient/eve", "Patient/eva", subject="Patient/eve"),
    observation("by-few", *OTHERS[:FEW], subject="Patient/eve"),
    observation("by-many", *OTHERS, subject="Patient/eve"),
    observation("by-many-and-eve", *OTHERS, "Patient/eve", subject="Patient/adam"),
    observation("of-room", subject="Location/room"),
    observation("of-room-by-adam", "Patient/adam", subject="Location/room"),
    observation("of-nobody", "Patient/eve", subject=None),
    observation(
        "of-inner", subject="#p", contained=[{"resourceType": "Patient", "id": "p",
                                              "name": [{"family": "Eve"}]}],
    ),
    observation(
        "of-inner-by-adam", "Patient/adam", subject="#p",
        contained=[{"resourceType": "Patient", "id": "p", "name": [{"family": "Eve"}]}],
    ),
    observation("other-code", subject="Patient/eve",
                code={"coding": [{"system": "http://s", "code": "d"}]}),
]  # fmt: skip

OF_EVE = {"of-eve", "of-eva", "by-adam", "by-both", "by-few", "by-many"}
OF_INNER = {"of-inner", "of-inner-by-adam"}
BY_EVE = {"by-eve", "by-both", "by-many-and-eve", "of-nobody"}


@pytest.fixture(scope="module", autouse=True)
def stored(searcher: Searcher) -> None:
    searcher.store(RESOURCES)


CHAINS = [
    pytest.param("patient.family=eve", OF_EVE | OF_INNER, id="one type, alias"),
    pytest.param("subject:Patient.family=eve", OF_EVE | OF_INNER, id="one type of several"),
    pytest.param(
        "subject.name=eve", OF_EVE | OF_INNER | {"of-room", "of-room-by-adam"}, id="several types"
    ),
    pytest.param("performer:Patient.family=eve", BY_EVE, id="a list of references"),
    pytest.param("performer:Patient.family=other11", {"by-many", "by-many-and-eve"}, id="beyond"),
    pytest.param("patient.family=eve&performer:Patient.family=eve", {"by-both"}, id="two"),
    pytest.param(
        "patient.gender:not=male",
        (OF_EVE | OF_INNER | {"of-adam", "by-eve", "by-many-and-eve"}),
        id="a chain to what lacks a value",
    ),
    pytest.param("patient.family=nobody", set(), id="to nobody"),
]
BESIDE = ["&code=http://s|c", "&date=2020", "&status=final&date=ge2019", "&code=c,d&code=c"]


@pytest.mark.parametrize(("chain", "wanted"), CHAINS)
@pytest.mark.parametrize("sort", ["", "&_sort=-date", "&_sort=code,_id", "&_sort=_id"])
def test_found_whatever_stands_beside(
    searcher: Searcher, chain: str, wanted: set[str], sort: str
) -> None:
    for beside in BESIDE:
        text = f"{chain}{beside}&code:not=d{sort}"
        whole = searcher.ids("Observation", text)
        assert sorted(whole) == sorted(wanted)
        assert searcher.page("Observation", f"{text}&_summary=count").total == len(wanted)
        assert ids_of(searcher.pages("Observation", f"{text}&_count=2")) == whole


@pytest.mark.parametrize(("chain", "wanted"), CHAINS)
def test_found_by_itself(searcher: Searcher, chain: str, wanted: set[str]) -> None:
    """In the order of targets where there is one, so that pages join."""
    found = set(wanted)
    if "patient." in chain or "subject" in chain:
        found |= {"other-code"} if wanted and "performer" not in chain else set()
    whole = searcher.ids("Observation", chain)
    assert sorted(whole) == sorted(found)
    assert ids_of(searcher.pages("Observation", f"{chain}&_count=3")) == whole
    assert searcher.page("Observation", f"{chain}&_summary=count").total == len(found)


def test_patients_that_the_caller_may_not_see_lead_nowhere(searcher: Searcher) -> None:
    """Observations are open to this caller, patients are not but for one."""

    def confine(type_: str) -> tuple[str, ...] | None:
        return ("eva",) if type_ == "Patient" else None

    found = searcher.ids("Observation", "patient.family=eve&code=c", confine=confine)
    assert found == ["of-eva"]
