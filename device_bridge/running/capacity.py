"""Whether there is room for more: on the disk, and in the backlog.

A full disk is told to senders at once, who keep what they have. A backlog that has grown beyond its
limit stops reading instead: TCP makes senders wait, and they give up by time-outs of their own.
"""

import asyncio
import shutil

from fhirserver_device_bridge.config.settings import JournalSettings

NO_ROOM = "no room on the disk of the journal"


class Capacity:
    """What was found when it was last looked; changed in the event loop only."""

    def __init__(self, settings: JournalSettings) -> None:
        self._settings = settings
        self._may_read = asyncio.Event()
        self._may_read.set()
        self.free_bytes = 0
        self.look_at_disk()

    def look_at_disk(self) -> None:
        """Measure the free space."""
        self.free_bytes = shutil.disk_usage(self._settings.folder).free

    @property
    def refusal(self) -> str | None:
        """Why frames are not taken now; None where they are."""
        return NO_ROOM if self.free_bytes < self._settings.minimum_free_bytes else None

    def set_backlog(self, entries: int) -> None:
        """Note how many entries are not delivered: reading stops at the limit."""
        if entries >= self._settings.backlog_limit:
            self._may_read.clear()
        else:
            self._may_read.set()

    async def until_it_may_be_read(self) -> None:
        """Wait while the backlog is at its limit."""
        await self._may_read.wait()
