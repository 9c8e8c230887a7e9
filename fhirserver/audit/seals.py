"""Seals: a chain over the rows of the audit trail. Pure.

    digest of seal n  =  HMAC-SHA256(key, digest of seal n-1  ||  number n  ||  what row n says)

A row that is changed, taken out, put in or moved breaks the chain at its place. Cutting the end off
does not: whoever keeps the newest seal somewhere else, an anchor, notices that too. The key is not
in the database, so whoever writes there cannot mend the chain.

Spec: 45 CFR 164.312(b) and (c)(1)
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from fhirserver.model.json import write_json
from fhirserver.store.audit_trail import TRAIL_COLUMNS, Link

Rule = Literal["row edited", "row missing", "seal missing", "end cut off", "row without a seal"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A seal that is kept outside the database."""

    number: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """Where the trail breaks first.

    Attributes:
        number: of the seal.
        entry: of the row; 0 where it is not known.
        rule: what is wrong.
    """

    number: int
    entry: int
    rule: Rule


def seal(key: bytes, previous: bytes, number: int, said: Mapping[str, Any]) -> bytes:
    """Compute one digest.

    Args:
        key: 32 secret bytes.
        previous: digest of the seal before; b"" for the first.
        number: from 1.
        said: `TRAIL_COLUMNS` by name.
    """
    words = write_json([number, *(_plain(said[name]) for name in TRAIL_COLUMNS)])
    return hmac.digest(key, previous + words, hashlib.sha256)


def check_chain(
    key: bytes, links: Iterable[Link], anchors: Iterable[Anchor] = ()
) -> tuple[int, Broken | None]:
    """Follow the chain to its end, or to where it breaks first.

    Returns:
        How many seals hold, and what breaks after them; None where nothing does.
    """
    kept = sorted(anchors, key=lambda anchor: anchor.number)
    held = 0
    for link, broken in _followed(key, links, {each.number: each.digest for each in kept}):
        if broken is not None:
            return held, broken
        held = link.number
    beyond = next((each for each in kept if each.number > held), None)
    return held, None if beyond is None else Broken(beyond.number, 0, "end cut off")


def _followed(
    key: bytes, links: Iterable[Link], anchored: Mapping[int, bytes]
) -> Iterator[tuple[Link, Broken | None]]:
    digest = b""
    for number, link in enumerate(links, start=1):
        rule: Rule | None = None
        if link.number != number:
            rule = "seal missing"
        elif link.row is None:
            rule = "row missing"
        else:
            digest = seal(key, digest, number, link.row.said)
            if not hmac.compare_digest(digest, link.digest) or (
                anchored.get(number, digest) != digest
            ):
                rule = "row edited"
        yield link, None if rule is None else Broken(number, link.entry, rule)


def _plain(value: Any) -> Any:
    """Write what JSON has no word for; instants in microseconds, whatever the session's zone."""
    if isinstance(value, datetime):
        return round(value.timestamp() * 1_000_000)
    return value
