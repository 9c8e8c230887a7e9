"""Mapping files that are taken up when they change, while the bridge runs.

What waits in the journal is read by the new rows; what is charted stays, until it is replayed. Both
processes of a bridge look for themselves: that which sends tells of what it found, and that of the
ports has the files for dry runs only.
"""

import asyncio
import logging
import threading
from typing import Any

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.config.kept_files import KeptFiles
from fhirserver_device_bridge.mapping.files import MAPPINGS
from fhirserver_device_bridge.protocols.spoken.layouts import LAYOUTS
from fhirserver_device_bridge.v2fhir.files import MESSAGE_MAPPINGS

_LOG = logging.getLogger("fhir-bridge")
_PERIOD_S = 1.0
_FILES: tuple[KeptFiles[Any], ...] = (MAPPINGS, LAYOUTS, MESSAGE_MAPPINGS)


class Reloading(threading.Thread):
    """Looks at files once a second, and tells the log of what changed."""

    def __init__(self) -> None:
        super().__init__(name="reloading")
        self._stopped = threading.Event()

    def ring(self) -> None:
        """Nothing: it is not about the journal."""

    def stop(self) -> None:
        """End soon."""
        self._stopped.set()

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.wait(_PERIOD_S):
            for told in _refreshed():
                if isinstance(told, ConfigError):
                    _LOG.error("%s; the version before is used", told)
                else:
                    _LOG.info("%s", told)


async def keep_files_fresh() -> None:
    """Look at files once a second, until cancelled."""
    while True:
        await asyncio.to_thread(_refreshed)
        await asyncio.sleep(_PERIOD_S)


def _refreshed() -> list[str | ConfigError]:
    return [told for files in _FILES for told in files.refresh()]
