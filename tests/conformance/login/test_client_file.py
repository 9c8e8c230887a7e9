"""A client's file that is wrong is refused by its field, with what belongs there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.login.client_file import read_client
from fhirserver_conformance.login.login_error import LoginError
from tests.conformance.login import keys

BACKEND = {
    "flow": "backend-services",
    "client_id": "backend",
    "scope": "system/*.rs",
    "private_key_file": "key",
    "key_id": "key-1",
}
STANDALONE = {
    "flow": "standalone-launch",
    "client_id": "app",
    "scope": "launch/patient patient/*.rs",
    "redirect_uri": "http://127.0.0.1:8765/callback",
}


def written(folder: Path, given: Any, key: bytes | None = None) -> Path:
    (folder / "key").write_bytes(keys.pem("P-384") if key is None else key)
    file = folder / "client.json"
    file.write_text(given if isinstance(given, str) else json.dumps(given))
    return file


@pytest.mark.parametrize(
    ("key", "algorithm", "name"),
    [
        pytest.param(lambda: keys.pem("RSA"), "RS384", "key-1", id="RSA in PEM"),
        pytest.param(lambda: keys.pem("P-384"), "ES384", "key-1", id="P-384 in PEM"),
        pytest.param(lambda: keys.jwk_file("RSA"), "RS384", "key-1", id="RSA as JWK"),
        pytest.param(lambda: keys.jwk_file("P-384", kid="own"), "ES384", "key-1", id="named twice"),
    ],
)
def test_keys(key: Callable[[], bytes], algorithm: str, name: str, tmp_path: Path) -> None:
    """A key signs by its kind; the name that the file gives it is the one that is registered."""
    client = read_client(written(tmp_path, BACKEND, key()))
    assert client.key is not None
    assert (client.key.algorithm, client.key.key_id) == (algorithm, name)
    assert "PRIVATE" not in repr(client)


def test_the_key_may_bring_its_name(tmp_path: Path) -> None:
    given = {name: value for name, value in BACKEND.items() if name != "key_id"}
    client = read_client(written(tmp_path, given, keys.jwk_file("P-384", kid="own")))
    assert client.key is not None
    assert client.key.key_id == "own"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("{", "client.json", id="no JSON"),
        pytest.param([], "holds no JSON object", id="no object"),
        pytest.param({}, "flow is missing: backend-services or standalone-launch", id="no flow"),
        pytest.param({"flow": "ehr"}, "flow is one of backend-services", id="no such flow"),
        pytest.param(BACKEND | {"client": "x"}, "did you mean client_id?", id="misspelt"),
        pytest.param(BACKEND | {"?": "x"}, "fields are flow, client_id", id="unknown"),
        pytest.param(BACKEND | {"scope": " "}, "scope is a text that is not empty", id="empty"),
        pytest.param(BACKEND | {"scope": 1}, "scope is a text that is not empty", id="a number"),
        pytest.param(
            {"flow": "backend-services", "client_id": "a", "scope": "b"},
            "private_key_file is missing; backend-services needs it",
            id="no key",
        ),
        pytest.param(
            BACKEND | {"client_secret": "s"}, "client_secret has no use", id="a secret beside a key"
        ),
        pytest.param(
            STANDALONE | {"client_secret": "s", "private_key_file": "key"},
            "exclude each other",
            id="two credentials",
        ),
        *(
            pytest.param(
                STANDALONE | {"redirect_uri": address},
                "redirect_uri is an http address",
                id=address,
            )
            for address in (
                "http://127.0.0.1/callback",
                "http://app.example:8765/callback",
                "https://127.0.0.1:8765/",
                "http://127.0.0.1:8765/?a=b",
                "http://[::1:8765/",
                "http://127.0.0.1:99999/",
            )
        ),
        pytest.param(BACKEND | {"private_key_file": "none"}, "none: No such file", id="no file"),
    ],
)
def test_what_is_wrong_is_said(given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(LoginError) as error:
        read_client(written(tmp_path, given))
    assert message in str(error.value)
    assert str(tmp_path) in str(error.value)


@pytest.mark.filterwarnings("ignore:Key size")
@pytest.mark.parametrize(
    "key",
    [
        pytest.param(lambda: b"", id="empty"),
        pytest.param(lambda: b"-----BEGIN PRIVATE KEY-----\n", id="cut off"),
        pytest.param(lambda: b"{", id="no JSON"),
        pytest.param(lambda: b"{}", id="no JWK"),
        pytest.param(lambda: b'{"kty": "oct", "k": "c2VjcmV0"}', id="a shared secret"),
        pytest.param(lambda: b'{"kty": "RSA", "n": 1}', id="half a JWK"),
        pytest.param(lambda: keys.jwk_file("P-384", private=False), id="public"),
        pytest.param(lambda: keys.pem("P-256"), id="another curve"),
        pytest.param(lambda: keys.pem("RSA-1024"), id="too short"),
    ],
)
def test_a_key_that_signs_nothing_is_refused(key: Callable[[], bytes], tmp_path: Path) -> None:
    with pytest.raises(LoginError, match="holds no private key without a passphrase"):
        read_client(written(tmp_path, BACKEND, key()))


def test_a_key_without_a_name_is_refused(tmp_path: Path) -> None:
    given = {name: value for name, value in BACKEND.items() if name != "key_id"}
    with pytest.raises(LoginError, match="add key_id"):
        read_client(written(tmp_path, given))


@pytest.mark.parametrize("address", ["http://localhost:8765/", "http://[::1]:8765/callback"])
def test_this_machine_has_several_names(address: str, tmp_path: Path) -> None:
    client = read_client(written(tmp_path, STANDALONE | {"redirect_uri": address}))
    assert (client.redirect_uri, client.key, client.secret) == (address, None, None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoginError, match="nowhere: No such file"):
        read_client(tmp_path / "nowhere")
