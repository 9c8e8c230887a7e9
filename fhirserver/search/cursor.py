"""Paging links: opaque, stateless, sealed and bound to their caller.

Spec: https://hl7.org/fhir/R4/http.html#paging

A link carries one parameter, `_page`, whose token holds the whole query and the position in its
answer. A position consists of values out of resources, so the token is encrypted; so is the
query, which thereby stays out of logs and histories. It is authenticated together with its
caller: changed, or shown by somebody else, it is refused.

    token = base64url(nonce, 12 bytes | AES-256-GCM(zlib(msgpack [pairs, position]), caller))
"""

import base64
import os
import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from fhirserver.errors import InvalidSearchError
from fhirserver.search.order import KeyValue, Position
from fhirserver.search.query import Query
from fhirserver.search.render import join_pairs, render_pairs

PARAMETER = "_page"
_NONCE_BYTES = 12
_REFUSAL = (
    "The paging link is damaged, too old or somebody else's; start again from the search itself."
)


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds; numbers with a fraction stand as (text,)."""

    pairs: list[tuple[str, str]]
    phase: int
    values: list[int | str | tuple[str] | None]
    backward: bool
    total: int | None
    as_of_us: int | None


class Page(Protocol):
    """What a page's links depend on."""

    @property
    def next(self) -> Position | None:
        """Where the next page begins; None after the last."""

    @property
    def previous(self) -> Position | None:
        """Where the page before ends; None before the first."""

    @property
    def last(self) -> Position | None:
        """The end; None where the total is not certain."""


def seal_cursor(
    key: bytes, caller: str, pairs: Sequence[tuple[str, str]], position: Position
) -> str:
    """Seal a query and a position into a token.

    Args:
        key: 32 secret bytes, the same in every worker.
        caller: whom the link belongs to.
        pairs: the canonical query.
        position: where its page begins.
    """
    values = [(str(v),) if isinstance(v, Decimal) else v for v in position.values]
    sealed = _Sealed(
        list(pairs), position.phase, values, position.backward, position.total, position.as_of_us
    )
    nonce = os.urandom(_NONCE_BYTES)
    plain = zlib.compress(msgspec.msgpack.encode(sealed), 6)
    token = nonce + _cipher(key).encrypt(nonce, plain, caller.encode())
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def open_cursor(key: bytes, caller: str, token: str) -> tuple[list[tuple[str, str]], Position]:
    """Open a token.

    Returns:
        The query's names and values, and the position.

    Raises:
        InvalidSearchError: damaged, or not this caller's.
    """
    from cryptography.exceptions import InvalidTag

    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        nonce, rest = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        plain = zlib.decompress(_cipher(key).decrypt(nonce, rest, caller.encode()))
        sealed = msgspec.msgpack.decode(plain, type=_Sealed)
    except (InvalidTag, ValueError, zlib.error, msgspec.MsgspecError):
        raise InvalidSearchError(_REFUSAL, expression=(f"http.{PARAMETER}",)) from None
    values = tuple(_value(value) for value in sealed.values)
    position = Position(sealed.phase, values, sealed.backward, sealed.total, sealed.as_of_us)
    return sealed.pairs, position


def page_links(
    key: bytes, caller: str, url: str, query: Query, page: Page
) -> list[tuple[str, str]]:
    """Make the links of a page.

    Args:
        key: as of `seal_cursor`; b"" where only the first link is wanted.
        caller: as of `seal_cursor`.
        url: the search's URL without its query.
        query: what was searched.
        page: what was found.

    Returns:
        (relation, URL): self, first, and previous, next and last where there are such pages.
    """
    pairs = render_pairs(query)
    text = join_pairs(pairs)
    whole = f"{url}?{text}" if text else url
    links = [("self", whole)]
    if not key:
        return links
    if page.previous is not None or page.next is not None:
        links.append(("first", whole))
    for relation, position in (
        ("previous", page.previous),
        ("next", page.next),
        ("last", page.last),
    ):
        if position is not None:
            links.append(
                (relation, f"{url}?{PARAMETER}={seal_cursor(key, caller, pairs, position)}")
            )
    return links


class _Cipher(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


def _cipher(key: bytes) -> _Cipher:
    # Imported late: a server starts without ever paging.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _value(value: int | str | tuple[str] | None) -> KeyValue:
    return Decimal(value[0]) if isinstance(value, tuple) else value
