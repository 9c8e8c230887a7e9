"""Keys that sign: published before they do and after, rotated, encrypted at rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from fhirserver.smart.keys import (
    ALGORITHM,
    KEPT_S,
    PUBLISHED_BEFORE_S,
    Key,
    SecretsKeyError,
    key_set,
    list_keys,
    published_keys,
    rotate,
    sign,
    signing_key,
)
from fhirserver.store.database import Database

SECRETS_KEY = bytes(range(32))
SECOND = 1_000_000
DAY_S = 86_400


def _key(kid: str, signs_from_s: int) -> Key:
    return Key(kid, {}, b"", signs_from_s * SECOND)


KEYS = [_key("old", 0), _key("new", 10 * DAY_S)]


@pytest.mark.parametrize(
    ("at_s", "signs", "published"),
    [
        pytest.param(10 * DAY_S - PUBLISHED_BEFORE_S, "old", "old new", id="SEC-O3-before"),
        pytest.param(10 * DAY_S - 1, "old", "old new", id="SEC-O3-just-before"),
        pytest.param(10 * DAY_S, "new", "old new", id="SEC-O3-takes-over"),
        pytest.param(10 * DAY_S + KEPT_S - 1, "new", "old new", id="SEC-O3-still-published"),
        pytest.param(10 * DAY_S + KEPT_S, "new", "new", id="SEC-O3-over"),
    ],
)
def test_the_life_of_a_key(at_s: int, signs: str, published: str) -> None:
    assert signing_key(KEYS, at_s * SECOND).kid == signs
    assert [key.kid for key in published_keys(KEYS, at_s * SECOND)] == published.split()


def _verified(database: Database, token: str, now_us: int) -> dict[str, object]:
    keys = KeySet.import_key_set(key_set(database, SECRETS_KEY, now_us))  # type: ignore[arg-type]  # a JSON object
    return dict(jwt.decode(token, keys, algorithms=[ALGORITHM]).claims)


def test_what_is_signed_stays_verifiable_through_a_rotation(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        sets = list(pool.map(lambda _: key_set(database, SECRETS_KEY, SECOND), range(4)))
    assert all(found == sets[0] for found in sets)
    assert len(list_keys(database)) == 1

    now_us = 2 * SECOND
    token = sign(database, SECRETS_KEY, {"sub": "a"}, now_us)
    made = rotate(database, SECRETS_KEY, now_us)
    assert made.signs_from == now_us + PUBLISHED_BEFORE_S * SECOND
    before = sign(database, SECRETS_KEY, {"sub": "b"}, made.signs_from - 1)
    after = sign(database, SECRETS_KEY, {"sub": "c"}, made.signs_from)
    assert jwt.decode(after, KeySet.import_key_set({"keys": [made.public]})).claims["sub"] == "c"  # type: ignore[typeddict-item]  # likewise
    for signed, sub in ((token, "a"), (before, "b"), (after, "c")):
        assert _verified(database, signed, made.signs_from + 3600 * SECOND) == {"sub": sub}

    at_once = rotate(database, SECRETS_KEY, made.signs_from, at_once=True)
    assert [key.kid for key in list_keys(database)] == [at_once.kid]
    assert at_once.signs_from == made.signs_from


def test_without_its_secret_the_database_signs_nothing(database: Database) -> None:
    sign(database, SECRETS_KEY, {}, 0)
    with pytest.raises(SecretsKeyError, match=r"keys rotate --at-once"):
        sign(database, bytes(32), {}, 0)
    with database.connection() as connection:
        rows = connection.execute("SELECT sealed FROM oauth_key").fetchall()
    assert rows
    assert all(b"PRIVATE" not in row[0] and len(row[0]) > 1000 for row in rows)
