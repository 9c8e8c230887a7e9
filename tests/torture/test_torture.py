"""REL-02: whatever is killed, at whatever moment, nothing acknowledged is lost."""

import random
from pathlib import Path

import pytest

from tests.torture.torture import torture


@pytest.mark.timeout(300)
def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    assert torture(tmp_path, 10, 4, random.Random()) == 0
