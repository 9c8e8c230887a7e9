"""Done every now and then: room measured, held messages released, old ones removed."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime, timedelta

from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.alarms import forget_alarms
from fhirserver_device_bridge.journal.changes import forget, release_held
from fhirserver_device_bridge.journal.entries import unfinished
from fhirserver_device_bridge.journal.layout import JournalError, open_journal
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits

_LOG = logging.getLogger("fhir-bridge")
_PERIOD_S = 1.0


async def keep_house(bridge: Bridge, commits: Commits, capacity: Capacity) -> None:
    """Do it once a second, until cancelled."""
    reader = open_journal(bridge.journal.folder)
    try:
        while True:
            capacity.look_at_disk()
            capacity.set_backlog(await asyncio.to_thread(_backlog, bridge, reader))
            try:
                await _change(bridge, commits)
            except JournalError as error:
                _LOG.error("%s", error)
            await asyncio.sleep(_PERIOD_S)
    finally:
        reader.close()


async def _change(bridge: Bridge, commits: Commits) -> None:
    now = datetime.now(UTC)
    rested = now - timedelta(seconds=bridge.delivery.held_retry_s)
    for source in bridge.sources:
        await commits.ask(release_held(source.name, rested))
    old = now - timedelta(days=bridge.journal.retention_days)
    await commits.ask(forget(old))
    await commits.ask(forget_alarms(old))


def _backlog(bridge: Bridge, reader: sqlite3.Connection) -> int:
    return sum(unfinished(reader, each.name)["received"] for each in bridge.sources)
