"""Follows what the server says of whose devices and beds are, in a thread of its own.

Resources of a type are asked for from where the last answer ended, a little earlier, for what a
server commits late may carry an earlier time. What stands as open is asked for again each time: it
may have been deleted. Everything is kept in the journal: the bridge goes on by it when the server
is away.
"""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from fhirserver_device_bridge.config.settings import Following, Server
from fhirserver_device_bridge.fhir.assigned import INCLUDES, last_updated, said_by
from fhirserver_device_bridge.journal.assignments import (
    Said,
    assignments_now,
    followed_until,
    note_assignments,
)
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.sender.fhir_client import FhirClient, RefusedError, UnreachableError

_LOG = logging.getLogger("fhir-bridge")
_PAGE = 200
_OVERLAP = timedelta(minutes=5)


class Follower(threading.Thread):
    """Asks until it is told to stop."""

    def __init__(self, following: Following, server: Server, journal: Journal) -> None:
        super().__init__(name="follower")
        self._following = following
        self._client = FhirClient(server)
        self._journal = journal
        self._stopping = threading.Event()
        self._is_well = True

    def ring(self) -> None:
        """Do nothing: what is received here says nothing of assignments."""

    def stop(self) -> None:
        """End after the question that is under way."""
        self._stopping.set()

    def run(self) -> None:
        """Ask."""
        reader = self._journal.reader()
        try:
            while not self._stopping.is_set():
                self._step(reader)
                self._stopping.wait(self._following.poll_s)
        finally:
            self._client.close()
            reader.close()

    def _step(self, reader: sqlite3.Connection) -> None:
        try:
            for type_ in self._following.types:
                self._look_again(reader, type_)
                self._look_for_news(reader, type_)
            self._is_well = True
        except (UnreachableError, RefusedError, JournalError) as error:
            if self._is_well:
                _LOG.warning("assignments: the server does not tell them now: %s", _told(error))
            self._is_well = False

    def _look_for_news(self, reader: sqlite3.Connection, type_: str) -> None:
        known = followed_until(reader, type_)
        since = None if known is None else known - _OVERLAP
        while not self._stopping.is_set():
            page = self._asked(type_, _since(since))
            last = last_updated(page, type_)
            if last is None:
                return
            said = said_by(page, type_)
            self._note(said, (type_, last))
            if len(said) < _PAGE:
                return
            # Of more than a page of one instant the rest is looked for behind it.
            since = last if last != since else last + timedelta(milliseconds=1)

    def _look_again(self, reader: sqlite3.Connection, type_: str) -> None:
        open_ = sorted(_open(assignments_now(reader), type_))
        for keys in (open_[at : at + _PAGE] for at in range(0, len(open_), _PAGE)):
            ids = ",".join(key.partition("/")[2] for key in keys)
            page = self._asked(type_, {"_id": ids})
            said: dict[str, Said] = dict.fromkeys(keys, ())
            self._note(said | said_by(page, type_), None)

    def _asked(self, type_: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        asked: dict[str, str | Sequence[str]] = {
            **parameters, "_include": INCLUDES[type_], "_count": str(_PAGE)
        }  # fmt: skip
        answer = self._client.search(type_, asked)
        page = answer.resource()
        if answer.status != 200 or page.get("resourceType") != "Bundle":
            raise RefusedError(answer)
        return page

    def _note(self, said: Mapping[str, Said], followed: tuple[str, datetime] | None) -> None:
        news = self._journal.ask(note_assignments(said, followed)).result()
        if news:
            _LOG.info("assignments: %d changed", news)


def _since(since: datetime | None) -> dict[str, str]:
    sort = {"_sort": "_lastUpdated"}
    if since is None:
        return sort
    return {**sort, "_lastUpdated": f"ge{since.isoformat(timespec='milliseconds')}"}


def _open(now: Mapping[str, Said], type_: str) -> Iterator[str]:
    """Give the keys of a type under which something stands that has not ended."""
    return (
        key
        for key, said in now.items()
        if key.startswith(f"{type_}/") and any(each.end is None for each in said)
    )


def _told(error: Exception) -> str:
    if isinstance(error, RefusedError):
        return f"it answered {error.answer.status}"
    return str(error)
