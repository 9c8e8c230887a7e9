"""Passwords: which are taken, and how they are kept.

Spec: NIST SP 800-63B section 3.1.1 (length and guessing, no composition); RFC 9106 (argon2id)

A password has 12 to 256 characters and would take more than a hundred million guesses, as zxcvbn
estimates them: it knows passwords of breaches, names, words, keyboard walks, repetitions, dates.
What stands in the account is cut out first. Characters are compared after NFKC, so that one
password is the same on every keyboard.

A hash takes 64 MiB and four threads for some tenths of a second. A process makes two at a time;
whoever waits longer than WAIT_S is asked to come back. For a username that does not exist NOBODYS
hash is compared, which takes as long.
"""

import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fhirserver.errors import InvalidRequestError, UnavailableError

LENGTH_LEAST = 12
LENGTH_MOST = 256
WAIT_S = 10.0
NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$m0t9GmUqvl1S+Gkyqb1jRg$"
    "4bS3PFg1xq3o3QjCLJFoVYkzQ5L9m1mZcRT1f5b3r2A"
)
"""A hash of the same cost that nobody's password has."""
_AT_A_TIME = 2
_SCORE_LEAST = 3
_JUDGED_MOST = 72
_PRODUCT = "fhirserver"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

_slots = threading.BoundedSemaphore(_AT_A_TIME)


def hash_password(password: str) -> str:
    """Hash a password with a salt of its own.

    Raises:
        UnavailableError: too many are being hashed.
    """
    with _slot():
        return hasher().hash(normal(password))


def is_password(kept: str | None, password: str) -> bool:
    """Whether a password is the one whose hash is kept; takes as long where none is.

    Raises:
        UnavailableError: too many are being hashed.
    """
    with _slot():
        try:
            hasher().verify(kept or NOBODYS, normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether a hash is of another cost than those made now."""
    return hasher().check_needs_rehash(kept)


def check_password(password: str, about: Sequence[str], place: str = "password") -> None:
    """Check that a password is one to take.

    Args:
        password: as typed.
        about: what an attacker would try first: username, name, role.
        place: the field, for the error.

    Raises:
        InvalidRequestError: it is too short, too long, or easily guessed; says why.
    """
    text = normal(password)
    if len(text) < LENGTH_LEAST:
        raise _refusal(f"has {len(text)} characters; use {LENGTH_LEAST} or more", place)
    if len(text) > LENGTH_MOST:
        raise _refusal(f"has {len(text)} characters; use {LENGTH_MOST} at most", place)
    advice = _advice(text, about)
    if advice is not None:
        raise _refusal(f"would soon be guessed. {advice}", place)


def make_password() -> str:
    """Make a password to hand out: four groups of five characters, some 98 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def normal(password: str) -> str:
    """Give a password as it is compared."""
    return unicodedata.normalize("NFKC", password)


@cache
def hasher() -> PasswordHasher:
    """Give what hashes: argon2id, 64 MiB, three passes, four lanes."""
    return PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)


def _advice(text: str, about: Sequence[str]) -> str | None:
    """Say what makes a password easy to guess; None where nothing does."""
    from zxcvbn import zxcvbn  # large tables, and seldom needed

    rest = text
    for word in _own_words(about):
        rest = re.sub(re.escape(word), "", rest, flags=re.IGNORECASE)
    found = zxcvbn(rest[:_JUDGED_MOST] or " ")
    if found["score"] >= _SCORE_LEAST:
        return None
    feedback = found["feedback"]
    own = "Your own name and role add nothing." if rest != text else ""
    return " ".join(filter(None, (own, feedback["warning"], *feedback["suggestions"])))


def _own_words(about: Sequence[str]) -> list[str]:
    """Give the words of an account that count for nothing in its password, the longest first."""
    words = {part for each in (*about, _PRODUCT) for part in (each, *each.split())}
    return sorted((word for word in words if len(word) >= 3), key=len, reverse=True)


def _refusal(why: str, place: str) -> InvalidRequestError:
    return InvalidRequestError(f"This password {why}", expression=(place,))


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_S):
        raise UnavailableError("Many people log in at this moment; try again shortly.")
    try:
        yield
    finally:
        _slots.release()
