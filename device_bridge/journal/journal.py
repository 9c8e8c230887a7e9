"""Writing the journal: one thread commits what many threads ask for, as many changes as there are.

Whoever asks gets a future. It has its result once the commit returned, and so once the disk holds
it. While the disk works, the next changes gather, so that fifty senders cost one wait instead of
fifty (group commit).
"""

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from fhirserver_device_bridge.journal.changes import Change
from fhirserver_device_bridge.journal.layout import JournalError, open_journal

T = TypeVar("T")
_Asked = tuple[Change[Any], Future[Any]]

_GROUP = 512
"""Changes in one commit; more would make the first of them wait for the last."""


class Journal:
    """The writer of one journal.

    Args:
        folder: made if missing.
        decided: called when changes are committed or refused, in the writer's thread; must be
            quick.

    Raises:
        JournalError: it cannot be opened.
    """

    def __init__(self, folder: Path, decided: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self._decided = decided
        self._connection = open_journal(folder, create=True)
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._write, name="journal")
        self._thread.start()

    def ask(self, change: Change[T]) -> Future[T]:
        """Have a change made; the future's result is there when the disk holds it.

        The future raises JournalError where it cannot be written: the disk is full, the file is
        locked or damaged. Nothing of the change is then in the journal.
        """
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(JournalError("the journal is closed"))
        else:
            self._asked.put((change, future))
        return future

    def reader(self) -> sqlite3.Connection:
        """Open a connection for reading, to be used by one thread at a time."""
        return open_journal(self.folder)

    @property
    def is_writing(self) -> bool:
        """Whether what is asked for will be written."""
        return not self._closed

    def close(self) -> None:
        """Commit what was asked for, and end."""
        self._closed = True
        self._asked.put(None)
        self._thread.join()
        self._connection.close()

    def _write(self) -> None:
        try:
            while (group := self._gathered()) is not None:
                self._commit([each for each in group if each[1].set_running_or_notify_cancel()])
                self._decided()
        finally:
            self._closed = True
            while not self._asked.empty():
                if (late := self._asked.get()) is not None:
                    late[1].set_exception(JournalError("the journal is closed"))
            self._decided()

    def _gathered(self) -> list[_Asked] | None:
        """Wait for something to do, and take with it what else has gathered; None at the end."""
        group: list[_Asked] = []
        while not group or (len(group) < _GROUP and not self._asked.empty()):
            asked = self._asked.get()
            if asked is None:
                if group:
                    self._asked.put(None)
                return group or None
            group.append(asked)
        return group

    def _commit(self, group: list[_Asked]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [_outcome(change, self._connection) for change, _ in group]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for _, future in group:
                future.set_exception(JournalError(f"the journal cannot be written: {error}"))
            return
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, JournalError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)


def _outcome(change: Change[Any], connection: sqlite3.Connection) -> Any:
    """Make one change; its refusal is its outcome, and leaves the others alone."""
    try:
        return change(connection)
    except JournalError as refusal:
        return refusal
