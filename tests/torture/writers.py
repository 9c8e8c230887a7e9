"""Writers that remember what was acknowledged, and can say afterwards whether it is still there.

Every resource belongs to one writer, so what the server must hold is known: every acknowledged
version with its text, and no text that was never sent. A write that got no answer may have taken
effect, and even later than the next request of its writer: its database session may outlive the
process that was killed.
"""

import http.client
import json
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 30.0
PAUSE_S = 0.05
RECOVERY_S = 90.0


@dataclass(slots=True)
class Known:
    """What is known of one resource.

    Attributes:
        versions: text of each acknowledged version, by version number; None for a delete.
        doubtful: texts of writes whose answers never came; None for a delete.
    """

    versions: dict[int, str | None] = field(default_factory=dict)
    doubtful: set[str | None] = field(default_factory=set)


class NoAnswerError(Exception):
    """The connection broke, or the server said that it cannot serve now."""


class Client:
    """One keep-alive connection to a server whose port may change."""

    def __init__(self, port: "Port") -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send one request.

        Returns:
            Status and parsed body.

        Raises:
            NoAnswerError: nobody knows what became of it; a 503 is included.
        """
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self._port.number, timeout=TIMEOUT_S
            )
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/fhir+json"} if data else {}
        try:
            self._connection.request(method, f"/fhir/{path}", data, headers)
            answer = self._connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self._connection = None
            raise NoAnswerError from error
        if answer.status == 503:
            raise NoAnswerError
        return answer.status, json.loads(raw) if raw else None

    def insist(self, path: str) -> tuple[int, Any]:
        """Read until there is an answer.

        Raises:
            NoAnswerError: there was none within the deadline.
        """
        end = time.monotonic() + RECOVERY_S
        while True:
            try:
                return self.ask("GET", path)
            except NoAnswerError:
                if time.monotonic() > end:
                    raise
                time.sleep(PAUSE_S)


@dataclass(slots=True)
class Port:
    """Where the server listens at present."""

    number: int


class Writer(threading.Thread):
    """Creates, updates, deletes and runs transactions until told to stop.

    Attributes:
        known: resources of this writer by "Type/id".
        transactions: acknowledged or doubtful transactions: tag -> (entries, acknowledged).
        wrong: what the server did that it must not do.
        acknowledged: number of writes that were answered.
    """

    def __init__(self, port: Port, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._client = Client(port)
        self._chance = random.Random(seed)
        self._stop_event = stop
        self.known: dict[str, Known] = {}
        self.transactions: dict[str, tuple[int, bool]] = {}
        self.wrong: list[str] = []
        self.acknowledged = 0

    def run(self) -> None:
        """Write until stopped."""
        while not self._stop_event.is_set():
            try:
                self._step()
            except NoAnswerError:
                self._stop_event.wait(PAUSE_S)
            except AssertionError as error:
                self.wrong.append(str(error))
                return

    def _step(self) -> None:
        if self._chance.random() < 0.25 or len(self.known) < 3:
            self._write(f"Patient/{uuid.uuid4()}")
        elif self._chance.random() < 0.3:
            self._transact()
        elif self._chance.random() < 0.15:
            self._remove(self._chance.choice(list(self.known)))
        else:
            self._write(self._chance.choice(list(self.known)))

    def _write(self, reference: str) -> None:
        text = uuid.uuid4().hex
        known = self.known.setdefault(reference, Known())
        known.doubtful.add(text)
        status, answer = self._client.ask("PUT", reference, patient(reference, text))
        assert status in (200, 201), f"PUT {reference}: {status} {answer}"
        self._acknowledge(known, int(answer["meta"]["versionId"]), text)

    def _remove(self, reference: str) -> None:
        """Delete a resource whose state is certain: the answer names no version."""
        known = self.known[reference]
        if known.doubtful or not known.versions or known.versions[max(known.versions)] is None:
            return
        known.doubtful.add(None)
        status, answer = self._client.ask("DELETE", reference)
        assert status in (200, 204), f"DELETE {reference}: {status} {answer}"
        self._acknowledge(known, max(known.versions) + 1, None)

    def _acknowledge(self, known: Known, version: int, text: str | None) -> None:
        known.doubtful.discard(text)
        last = max(known.versions, default=0)
        assert last < version <= last + 1 + len(known.doubtful), f"{version} follows {last}"
        known.versions[version] = text
        self.acknowledged += 1

    def _transact(self) -> None:
        tag = uuid.uuid4().hex
        count = self._chance.randrange(2, 12)
        self.transactions[tag] = (count, False)
        status, answer = self._client.ask("POST", "", transaction(tag, count))
        assert status == 200, f"transaction: {status} {answer}"
        self.transactions[tag] = (count, True)
        self.acknowledged += 1


def check(writer: Writer, client: Client) -> list[str]:
    """Compare everything a writer was promised with what the server holds.

    Returns:
        What is missing or wrong, a line each.
    """
    wrong = list(writer.wrong)
    for reference, known in writer.known.items():
        wrong += _check_versions(reference, known, client)
    for tag, (count, acknowledged) in writer.transactions.items():
        _, answer = client.insist(f"Observation?identifier=urn:torture|{tag}&_count=50")
        found = len(answer.get("entry", ()))
        if found != count and (acknowledged or found):
            wrong.append(f"transaction {tag}: {found} of {count} entries")
    return wrong


def _check_versions(reference: str, known: Known, client: Client) -> list[str]:
    status, answer = client.insist(f"{reference}/_history")
    held = answer["total"] if status == 200 else 0
    wrong = [
        f"{reference}: version {version} was acknowledged and is gone"
        for version in known.versions
        if version > held
    ]
    for version in range(1, held + 1):
        status, answer = client.insist(f"{reference}/_history/{version}")
        text = answer["name"][0]["text"] if status == 200 else None
        promised = {known.versions[version]} if version in known.versions else known.doubtful
        if status not in (200, 410) or text not in promised:
            wrong.append(f"{reference}/_history/{version}: {status} {text}, not of {promised}")
    return wrong


def patient(reference: str, text: str) -> dict[str, object]:
    """Make a Patient whose name tells the version."""
    return {
        "resourceType": "Patient",
        "id": reference.split("/")[1],
        "name": [{"text": text, "family": text[:8]}],
        "birthDate": f"19{int(text[:2], 16) % 100:02d}-05-06",
    }


def transaction(tag: str, count: int) -> dict[str, object]:
    """Make a transaction whose Observations all carry the tag and refer to a new Patient."""
    subject = f"urn:uuid:{uuid.uuid4()}"
    entries: list[dict[str, object]] = [
        {
            "fullUrl": subject,
            "resource": {"resourceType": "Patient", "name": [{"text": tag}]},
            "request": {"method": "POST", "url": "Patient"},
        }
    ]
    entries.extend(
        {
            "resource": {
                "resourceType": "Observation",
                "identifier": [{"system": "urn:torture", "value": tag}],
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
                "subject": {"reference": subject},
                "effectiveDateTime": "2026-01-01T00:00:00Z",
                "valueQuantity": {
                    "value": 60 + number,
                    "system": "http://unitsofmeasure.org",
                    "code": "/min",
                },
            },
            "request": {"method": "POST", "url": "Observation"},
        }
        for number in range(count)
    )
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
