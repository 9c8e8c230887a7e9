"""What the README and the landing page say to try finds something in the sample data."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhirserver.console.landing import EXAMPLES
from tests.client import Client
from tests.conftest import new_database
from tests.server import ServerProcess

README = Path(__file__).resolve().parents[2] / "README.md"
PATIENTS = 100
"""As many as `make run` loads."""


@pytest.fixture(scope="module")
def sampled(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A connection to a server that holds what a newcomer's holds."""
    url = new_database(postgres)
    folder = tmp_path_factory.mktemp("sampled")
    file = str(folder / "patients.ndjson")
    for words in (
        ("sample-data", "--patients", str(PATIENTS), "--output", file),
        ("load", "--database-url", url, file),
    ):
        subprocess.run([sys.executable, "-m", "fhirserver", *words], check=True)
    arguments = ("--database-url", url, "--data-dir", str(folder / "data"), "--workers", "1")
    with ServerProcess(folder / "log", arguments) as server, server.client() as client:
        yield client


def curls() -> Iterator[list[str]]:
    """Give the words of every curl line under "Try it"."""
    (section,) = re.findall(r"^## Try it\n(.*?)^## ", README.read_text("utf-8"), re.M | re.S)
    for line in section.replace("\\\n", " ").splitlines():
        if line.startswith("curl "):
            yield shlex.split(line)


@pytest.mark.parametrize("words", [*curls()], ids=" ".join)
def test_what_the_readme_says_to_try_works(sampled: Client, words: list[str]) -> None:
    (url,) = (word for word in words if word.startswith("$base/"))
    path = url.removeprefix("$base/")
    if "-d" not in words:
        check_not_empty(sampled, path)
        return
    assert words[words.index("-X") + 1] == "POST"
    content_type = words[words.index("-H") + 1].removeprefix("Content-Type: ")
    body = words[words.index("-d") + 1].encode()
    assert sampled.post(path, body, content_type=content_type).status == 201


@pytest.mark.parametrize("path", [example.path for example in EXAMPLES])
def test_what_the_landing_page_says_to_try_finds_something(sampled: Client, path: str) -> None:
    check_not_empty(sampled, path)


def check_not_empty(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status == 200, answer.text
    found = answer.json
    if found["resourceType"] == "Bundle":
        assert found.get("entry") or found["total"] > 0, path
