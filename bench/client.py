"""A lean HTTP/1.1 client that keeps many connections busy from one process.

It exists so that the client costs as little as possible on the machine under test: requests are
prepared bytes, answers are counted by Content-Length and only their status is looked at.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

NextRequest = Callable[[], bytes]


@dataclass(slots=True)
class Tally:
    """What a run showed.

    Attributes:
        seconds: wall clock of the run.
        latencies_ms: one per answer, sorted.
        statuses: count by HTTP status.
    """

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds

    def percentile(self, share: float) -> float:
        """Latency below which `share` of the answers stayed, in ms."""
        return self.latencies_ms[
            min(int(len(self.latencies_ms) * share), len(self.latencies_ms) - 1)
        ]


def request(method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
    """Build the bytes of one request."""
    content = "Content-Type: application/fhir+json\r\n" if body else ""
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n"
        f"{content}Content-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


def run(port: int, clients: int, seconds: float, next_request: NextRequest) -> Tally:
    """Keep `clients` connections busy for some seconds.

    Args:
        port: on 127.0.0.1.
        clients: connections; each has one request under way at any time.
        seconds: how long; requests under way at the end are finished and counted.
        next_request: gives the bytes of the next request.
    """
    return asyncio.run(_run(port, clients, seconds, next_request))


async def _run(port: int, clients: int, seconds: float, next_request: NextRequest) -> Tally:
    tally = Tally()
    started = time.perf_counter()
    end = started + seconds
    await asyncio.gather(*(_client(port, end, next_request, tally) for _ in range(clients)))
    tally.seconds = time.perf_counter() - started
    tally.latencies_ms.sort()
    return tally


async def _client(port: int, end: float, next_request: NextRequest, tally: Tally) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    while (sent := time.perf_counter()) < end:
        writer.write(next_request())
        status = await _answer(reader)
        tally.latencies_ms.append((time.perf_counter() - sent) * 1000)
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
    writer.close()
    await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(lower[at + 15 : lower.index(b"\r\n", at)]))
    elif b"transfer-encoding: chunked" in lower:
        while (size := int(await reader.readline(), 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readline()
    return int(head[9:12])
