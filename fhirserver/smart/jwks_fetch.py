"""The published key sets of clients: fetched when an assertion needs one, kept as long as allowed.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
#registering-a-client-communicating-public-keys; RFC 9111 section 5.2

    Cache-Control                   a set is kept for
    none                            DEFAULT_AGE_S
    max-age=N                       N less Age, at most MOST_AGE_S
    no-store, no-cache, max-age=0   this one assertion

A set that lacks the key in question is fetched again before its time, in case the client has just
rotated, but not more than once in REFETCH_AFTER_S.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import cached_property

from fhirserver.config import Network
from fhirserver.errors import FhirError
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.smart.jwks import KeySetError, has_key
from fhirserver.smart.outbound import OutboundError, get

DEFAULT_AGE_S = 60
MOST_AGE_S = 3600
REFETCH_AFTER_S = 5.0

_MOST_KEPT = 1000
_AT_A_TIME = 8
_NOT_KEPT = frozenset(("no-store", "no-cache"))


@dataclass(frozen=True, slots=True)
class _Kept:
    key_set: JsonObject
    fetched: float
    fresh_s: int


class KeySets:
    """Key sets by URL, of one process; safe to use from many threads.

    Args:
        networks: that may be reached besides public addresses.
        tls: trusts the system's authorities where None.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        networks: Sequence[Network] = (),
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._networks = tuple(networks)
        self._given_tls = tls
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._slots = threading.BoundedSemaphore(_AT_A_TIME)

    def find(self, url: str, kid: str) -> JsonObject:
        """Give the key set at a URL, which may hold the key `kid`.

        Raises:
            KeySetError: it cannot be had.
        """
        kept = self._kept.get(url)
        if kept is not None and self._serves(kept, kid):
            return kept.key_set
        if not self._slots.acquire(blocking=False):
            raise KeySetError("too many key sets are being fetched at this moment; try again")
        try:
            return self._fetched(url)
        finally:
            self._slots.release()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def _serves(self, kept: _Kept, kid: str) -> bool:
        age_s = self._clock() - kept.fetched
        if age_s >= kept.fresh_s:
            return False
        return has_key(kept.key_set, kid) or age_s < REFETCH_AFTER_S

    def _fetched(self, url: str) -> JsonObject:
        asked = self._clock()
        self._kept.pop(url, None)
        try:
            answer = get(url, accept="application/json", networks=self._networks, tls=self._tls)
        except OutboundError as error:
            raise KeySetError(f"the key set cannot be fetched: {error}") from None
        if answer.status != 200:
            raise KeySetError(f"the key set cannot be fetched: status {answer.status}, not 200")
        key_set = _parsed(answer.body)
        self._keep(url, _Kept(key_set, asked, fresh_s(answer.headers)))
        return key_set

    def _keep(self, url: str, kept: _Kept) -> None:
        if kept.fresh_s <= 0:
            return
        while len(self._kept) >= _MOST_KEPT:
            self._kept.pop(next(iter(self._kept)), None)
        self._kept[url] = kept


def fresh_s(headers: Message) -> int:
    """Tell for how many seconds an answer may be kept. Pure."""
    stated = ",".join(headers.get_all("Cache-Control", ()))
    directives = {
        name.strip().lower(): value.strip(' "')
        for name, _, value in (part.partition("=") for part in stated.split(","))
    }
    if _NOT_KEPT & directives.keys():
        return 0
    if "max-age" not in directives:
        return DEFAULT_AGE_S
    limit_s = _whole(directives["max-age"]) - _whole(headers.get("Age", "0"))
    return min(max(limit_s, 0), MOST_AGE_S)


def _whole(text: str) -> int:
    """Read a number of seconds; one that cannot be read allows nothing."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def _parsed(body: bytes) -> JsonObject:
    try:
        key_set = parse_json(body)
    except FhirError:
        raise KeySetError("what is fetched is no JSON") from None
    if not isinstance(key_set, dict):
        raise KeySetError("what is fetched is no JWK Set")
    return key_set
