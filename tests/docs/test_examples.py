"""What the README and the landing page say to try finds something in the sample data."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fhirserver.console.landing import EXAMPLES
from tests.client import Answer, Client
from tests.conftest import new_database
from tests.server import ServerProcess

README = Path(__file__).resolve().parents[2] / "README.md"
PATIENTS = 100
"""As many as `make run` loads."""


@dataclass(frozen=True)
class Newcomer:
    """Somebody who has just started a server, and has its two tokens of the README.

    Attributes:
        client: a connection.
        tokens: in the order in which the README asks for them.
    """

    client: Client
    tokens: tuple[str, ...]

    def call(self, path: str, body: bytes | None = None, *, token: int = 0) -> Answer:
        """Send a request; with a body it is a POST."""
        headers = {"Authorization": f"Bearer {self.tokens[token]}"}
        return self.client.request("GET" if body is None else "POST", path, body, headers)


def fhirserver(*words: str) -> str:
    """Run a command and give what it prints."""
    command = [sys.executable, "-m", "fhirserver", *words]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


@pytest.fixture(scope="module")
def newcomer(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Somebody with a server that holds what `make run` loads."""
    folder = tmp_path_factory.mktemp("sampled")
    where = ("--database-url", new_database(postgres), "--data-dir", str(folder / "data"))
    file = str(folder / "patients.ndjson")
    fhirserver("sample-data", "--patients", str(PATIENTS), "--output", file)
    fhirserver("load", *where, file)
    fhirserver("demo-users", *where)
    with (
        ServerProcess(folder / "log", (*where, "--workers", "1"), open=False) as server,
        server.client() as client,
    ):
        issued = (fhirserver(*words, *where).strip() for words in TOKENS)
        yield Newcomer(client, tuple(issued))


def blocks() -> list[list[str]]:
    """Give the lines of every block of shell under "Try it"."""
    (section,) = re.findall(r"^## Try it\n(.*?)^## ", README.read_text("utf-8"), re.M | re.S)
    found = re.findall(r"```sh\n(.*?)```", section, re.S)
    return [block.replace("\\\n", " ").splitlines() for block in found]


def token_words() -> Iterator[tuple[str, ...]]:
    """Give the words of every call that issues a token, without the data directory."""
    for block in blocks():
        for line in block:
            issued = re.fullmatch(r"token=\$\(\S+/fhirserver (token.*)\)", line)
            if issued is not None:
                yield tuple(issued[1].replace("--data-dir data", "").split())


def curls() -> Iterator[object]:
    """Give the words of every curl line, with the number of the token it uses."""
    for number, block in enumerate(blocks()):
        for line in block:
            if line.startswith("curl "):
                yield pytest.param(number, shlex.split(line), id=line)


TOKENS = tuple(token_words())


@pytest.mark.parametrize(("token", "words"), [*curls()])
def test_what_the_readme_says_to_try_works(
    newcomer: Newcomer, token: int, words: list[str]
) -> None:
    (url,) = (word for word in words if word.startswith("$base/"))
    path = url.removeprefix("$base/")
    assert words[words.index("--oauth2-bearer") + 1] == "$token"
    if "-d" not in words:
        check_not_empty(path, newcomer.call(path, token=token))
        return
    assert words[words.index("-X") + 1] == "POST"
    assert words[words.index("-H") + 1] == "Content-Type: application/fhir+json"
    body = words[words.index("-d") + 1].encode()
    assert newcomer.call(path, body, token=token).status == 201


def test_each_block_of_the_readme_has_its_token() -> None:
    assert len(TOKENS) == len(blocks()) == 2


@pytest.mark.parametrize("path", [example.path for example in EXAMPLES])
def test_what_the_landing_page_says_to_try_finds_something(newcomer: Newcomer, path: str) -> None:
    check_not_empty(path, newcomer.call(path))


def check_not_empty(path: str, answer: Answer) -> None:
    assert answer.status == 200, answer.text
    found = answer.json
    if found["resourceType"] == "Bundle":
        assert found.get("entry") or found["total"] > 0, path
