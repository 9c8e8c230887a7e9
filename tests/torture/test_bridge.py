"""DEV-02, 24, 25: whatever is killed, every reading acknowledged is charted once, in its order."""

import os
import random
from pathlib import Path

import pytest

from tests.torture.bridge import Torture

KILLS = int(os.environ.get("FHIRSERVER_BRIDGE_KILLS", "3"))


@pytest.mark.timeout(300)
def test_kills_of_bridge_server_and_database(tmp_path: Path) -> None:
    torture = Torture(tmp_path, monitors=2, pause_s=0.05)
    assert torture.run(random.Random(), lambda killed, _seconds: killed >= KILLS) == 0
