"""How many requests of one client a process answers at a time, so that one starves no other.

Spec: RFC 6585 section 4 (429 Too Many Requests)

A client is known by its network address.
"""

import threading

from fhirserver.errors import ThrottledError

_RETRY_AFTER_S = 1


class ClientLimit:
    """Counts the requests under way by client; safe to use from many threads.

    Args:
        most: requests of one client at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._under_way: dict[str, int] = {}

    def begin(self, client: str) -> None:
        """Count a request in; `end` must follow.

        Raises:
            ThrottledError: the client has too many under way; then nothing was counted.
        """
        with self._lock:
            count = self._under_way.get(client, 0)
            if count < self._most:
                self._under_way[client] = count + 1
                return
        raise ThrottledError(
            f"{self._most} requests of this client are under way, as many as one client may have "
            "(FHIRSERVER_CLIENT_CONCURRENCY); wait for one of them, or send fewer at a time.",
            headers=(("Retry-After", str(_RETRY_AFTER_S)),),
        )

    def end(self, client: str) -> None:
        """Count a request out."""
        with self._lock:
            count = self._under_way[client] - 1
            if count:
                self._under_way[client] = count
            else:
                del self._under_way[client]
