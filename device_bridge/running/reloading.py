"""Mapping files that are taken up when they change, while the bridge runs.

What waits in the journal is read by the new rows; what is charted stays, until it is replayed.
"""

import asyncio
import logging
from typing import Any

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.config.kept_files import KeptFiles
from fhirserver_device_bridge.mapping.files import MAPPINGS
from fhirserver_device_bridge.protocols.spoken.layouts import LAYOUTS
from fhirserver_device_bridge.v2fhir.files import MESSAGE_MAPPINGS

_LOG = logging.getLogger("fhir-bridge")
_PERIOD_S = 1.0
_FILES: tuple[KeptFiles[Any], ...] = (MAPPINGS, LAYOUTS, MESSAGE_MAPPINGS)


async def keep_files_fresh() -> None:
    """Look at files once a second, until cancelled."""
    while True:
        await asyncio.to_thread(_refresh)
        await asyncio.sleep(_PERIOD_S)


def _refresh() -> None:
    for files in _FILES:
        for told in files.refresh():
            if isinstance(told, ConfigError):
                _LOG.error("%s; the version before is used", told)
            else:
                _LOG.info("%s", told)
