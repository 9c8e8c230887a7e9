"""Key sets that clients publish: from where they are fetched, what is taken, and for how long."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from email.message import Message
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from fhirserver.config import split_networks
from fhirserver.model.json import write_json
from fhirserver.smart.jwks import KeySetError, check_key_set, select_key
from fhirserver.smart.jwks_fetch import KeySets, fresh_s
from fhirserver.smart.outbound import Limits, OutboundError, get, is_reachable
from tests.smart.assertions import key, key_set
from tests.smart.jwks_host import JwksHost

LOOPBACK = split_networks("127.0.0.0/8, ::1/128")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def host(tmp_path: Path) -> Iterator[JwksHost]:
    with JwksHost(tmp_path, body=write_json(key_set("rsa-1"))) as running:
        yield running


@pytest.fixture
def tls(host: JwksHost) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(host.folder / "cert.pem"))


def test_a_set_is_fetched_as_json(host: JwksHost, tls: ssl.SSLContext) -> None:
    found = KeySets(LOOPBACK, tls=tls).find(host.url(), "rsa-1")
    assert select_key(found, "rsa-1", "RS384")
    assert host.asked == ["application/json"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param({"status": 404}, "status 404", id="SEC-B2-404"),
        pytest.param({"status": 500}, "status 500", id="SEC-B2-500"),
        pytest.param(
            {"status": 302, "headers": {"Location": "/jwks.json"}},
            "status 302",
            id="SEC-B2-redirect",
        ),
        pytest.param({"body": b"<html></html>"}, "no JSON", id="SEC-B2-html"),
        pytest.param({"body": b"[]"}, "no JWK Set", id="SEC-B2-list"),
        pytest.param({"body": b"{}"}, "lists 1 to", id="SEC-B2-no-keys"),
        pytest.param({"body": b'{"keys":[]}'}, "lists 1 to", id="SEC-B2-empty"),
        pytest.param({"body": b'{"keys":["rsa-1"]}'}, "0 keys", id="SEC-B2-key-no-object"),
        pytest.param({"body": b" " * 70_000}, "bytes", id="SEC-B2-too-large"),
        pytest.param(
            {"body": write_json(key_set("rsa-1", "rsa-1"))}, "2 keys", id="SEC-B2-kid-twice"
        ),
        pytest.param({"body": write_json(key_set("rsa-2"))}, "0 keys", id="SEC-B2-other-kid"),
    ],
)
def test_what_is_no_usable_set(
    host: JwksHost, tls: ssl.SSLContext, answer: dict[str, Any], says: str
) -> None:
    for name, value in answer.items():
        setattr(host, name, value)
    with pytest.raises(KeySetError, match=says):
        select_key(KeySets(LOOPBACK, tls=tls).find(host.url(), "rsa-1"), "rsa-1", "RS384")


def test_a_slow_answer_is_cut(host: JwksHost, tls: ssl.SSLContext) -> None:
    host.drips, host.body = True, b" " * 60_000
    with pytest.raises(OutboundError):
        get(
            host.url(),
            accept="application/json",
            networks=LOOPBACK,
            limits=Limits(deadline_s=0.5),
            tls=tls,
        )


def test_the_certificate_is_checked(host: JwksHost) -> None:
    with pytest.raises(KeySetError, match="SSLCertVerificationError"):
        KeySets(LOOPBACK).find(host.url(), "rsa-1")
    assert not host.asked


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("https://127.0.0.1:{port}/jwks.json", id="SEC-19-loopback"),
        pytest.param("https://localhost:{port}/jwks.json", id="SEC-19-name-of-loopback"),
        pytest.param("https://2130706433:{port}/jwks.json", id="SEC-19-number"),
        pytest.param("https://[::ffff:127.0.0.1]:{port}/jwks.json", id="SEC-19-mapped"),
        pytest.param("https://0.0.0.0:{port}/jwks.json", id="SEC-19-any"),
    ],
)
def test_nothing_inside_is_asked(host: JwksHost, tls: ssl.SSLContext, url: str) -> None:
    with pytest.raises(KeySetError, match=r"inside|no address"):
        KeySets(tls=tls).find(url.format(port=host.port), "rsa-1")
    assert not host.asked


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "https:///jwks",
        "https://user@127.0.0.1/",
        "https://127.0.0.1/#x",
        "https://127.0.0.1:99999/",
        "https://127.0.0.1:0/",
        "https://127.0.0.1/a b",
        "https://127.0.0.1/a\r\nX: y",
        "https://[::1",
    ],
)
def test_what_is_no_url_to_fetch(url: str) -> None:
    with pytest.raises(OutboundError, match="URL"):
        get(url, accept="*/*", tls=ssl.create_default_context(), networks=LOOPBACK)


def test_plain_http_reaches_this_machine_alone(tmp_path: Path) -> None:
    with JwksHost(tmp_path, tls=False, body=write_json(key_set("rsa-1"))) as plain:
        assert KeySets(LOOPBACK).find(plain.url(), "rsa-1") == key_set("rsa-1")
    with pytest.raises(OutboundError, match="use https"):
        get(
            "http://192.0.2.1/",
            accept="*/*",
            tls=ssl.create_default_context(),
            networks=split_networks("192.0.2.0/24"),
        )


@pytest.mark.parametrize(
    ("address", "networks", "reachable"),
    [
        ("93.184.216.34", "", True),
        ("2606:2800:220:1::1", "", True),
        ("10.1.2.3", "", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("::ffff:10.1.2.3", "", False),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("172.16.0.1", "10.0.0.0/8", False),
        ("192.168.1.1", "", False),
        ("169.254.169.254", "", False),
        ("100.64.0.1", "", False),
        ("224.0.0.1", "", False),
        ("0.0.0.0", "", False),
        ("::1", "", False),
        ("::", "", False),
        ("fe80::1", "", False),
        ("fd00::1", "", False),
        ("ff02::1", "", False),
        ("64:ff9b::a01:203", "", False),
        ("64:ff9b::5db8:d822", "", True),
        ("2002:a01:203::1", "", False),
    ],
)
def test_which_addresses_are_reached(address: str, networks: str, reachable: bool) -> None:
    assert is_reachable(ip_address(address), split_networks(networks)) is reachable


@pytest.mark.parametrize(
    ("headers", "age_s"),
    [
        ({}, 60),
        ({"Cache-Control": "max-age=600"}, 600),
        ({"Cache-Control": "public, Max-Age=600", "Age": "550"}, 50),
        ({"Cache-Control": "max-age=0"}, 0),
        ({"Cache-Control": "no-store"}, 0),
        ({"Cache-Control": 'no-cache="x", max-age=600'}, 0),
        ({"Cache-Control": "max-age=999999999"}, 3600),
        ({"Cache-Control": "max-age=soon"}, 0),
        ({"Cache-Control": "max-age=10", "Age": "20"}, 0),
    ],
)
def test_how_long_a_set_may_be_kept(headers: dict[str, str], age_s: int) -> None:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    assert fresh_s(message) == age_s


@pytest.mark.parametrize(
    ("control", "waits_s", "kid", "fetched"),
    [
        pytest.param("max-age=600", 599, "rsa-1", 1, id="SEC-B2-kept"),
        pytest.param("max-age=600", 600, "rsa-1", 2, id="SEC-B2-never-longer"),
        pytest.param("max-age=0", 0, "rsa-1", 2, id="SEC-B2-max-age-0"),
        pytest.param("no-store", 0, "rsa-1", 2, id="SEC-B2-no-store"),
        pytest.param("max-age=600", 4, "rsa-2", 1, id="SEC-B2-unknown-kid-at-once"),
        pytest.param("max-age=600", 5, "rsa-2", 2, id="SEC-B2-rotated-before-its-time"),
    ],
)
def test_a_set_is_fetched_again(
    host: JwksHost, tls: ssl.SSLContext, control: str, waits_s: float, kid: str, fetched: int
) -> None:
    clock = Clock()
    sets = KeySets(LOOPBACK, tls=tls, clock=clock)
    host.headers = {"Cache-Control": control}
    sets.find(host.url(), "rsa-1")
    clock.now_s += waits_s
    host.body = write_json(key_set("rsa-1", "rsa-2"))
    found = sets.find(host.url(), kid)
    assert len(host.asked) == fetched
    assert len(found["keys"]) == fetched


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param([], "JWK Set", id="SEC-B3-list"),
        pytest.param({"keys": {}}, "JWK Set", id="SEC-B3-keys-no-list"),
        pytest.param({"keys": [7]}, "kid", id="SEC-B3-key-no-object"),
        pytest.param({"keys": [{"kty": "RSA"}]}, "kid", id="SEC-B3-no-kid"),
        pytest.param({"keys": [{"kty": ["RSA"], "kid": "a"}]}, "kty", id="SEC-B3-kty-no-text"),
        pytest.param(key_set("rsa-1", "rsa-1"), "two keys", id="SEC-B3-kid-twice"),
        pytest.param(
            {"keys": [key("rsa-1").as_dict(private=True)]}, "private", id="SEC-B3-private"
        ),
        pytest.param(
            {"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}, "private", id="SEC-B3-secret"
        ),
        pytest.param(key_set("rsa-weak", "ec-256"), "no key for", id="SEC-B3-none-that-verifies"),
        pytest.param({"keys": [{"kty": "RSA", "kid": "a"}] * 33}, "1 to 32", id="SEC-B3-too-many"),
    ],
)
def test_what_is_not_registered_by_value(given: Any, says: str) -> None:
    with pytest.raises(KeySetError, match=says):
        check_key_set(given)


def test_a_key_for_something_else_verifies_nothing() -> None:
    for changes in ({"use": "enc"}, {"alg": "RS256"}, {"key_ops": ["encrypt"]}):
        changed = {"keys": [{**key_set("rsa-1")["keys"][0], **changes}]}
        with pytest.raises(KeySetError, match="not one that verifies"):
            select_key(changed, "rsa-1", "RS384")


def test_the_address_that_was_checked_is_the_one_connected_to(
    host: JwksHost, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SEC-19: a name that stands for something else the second time gains nothing."""
    real, asked = socket.getaddrinfo, []

    def changing(name: str, *rest: Any, **more: Any) -> Any:
        asked.append(name)
        return real("127.0.0.1" if name == "localhost" else name, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    KeySets(LOOPBACK, tls=tls).find(host.url("localhost"), "rsa-1")
    assert asked.count("localhost") == 1
