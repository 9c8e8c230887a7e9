"""STO-04: of clients that send the same condition at the same moment one creates.

`python -m tests.races.races` runs the same with fifty clients and four workers.
"""

import pytest

from tests.races.races import FORMS, race
from tests.server import ServerProcess

CLIENTS = 8
ROUNDS = 8


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("form", FORMS)
def test_one_creates_and_the_others_find_it(server: ServerProcess, form: str) -> None:
    statuses, wrong = race(server.base, form, CLIENTS, ROUNDS)
    assert wrong == []
    asked = 2 if form == "transaction" else 1
    assert statuses == {201: asked * ROUNDS, 200: asked * ROUNDS * (CLIENTS - 1)}
