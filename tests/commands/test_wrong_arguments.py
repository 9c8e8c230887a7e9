"""Commands whose arguments are wrong say what is wrong, and make nothing."""

import json
import os
from pathlib import Path

import psycopg
import pytest

from tests.commands.test_load import command

READERS = (
    ("verify",),
    ("reindex",),
    ("doctor",),
    ("migrate",),
    ("worker",),
    ("export", "--output", "exported"),
)
STORES = (*READERS, ("serve", "--open"), ("load", "ok.ndjson"))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ok.ndjson").write_text(json.dumps({"resourceType": "Patient", "id": "a"}))


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_a_data_directory_without_a_database_is_refused(words: tuple[str, ...]) -> None:
    done = command(*words, "--data-dir", "typo")
    assert done.returncode == 1
    assert b"typo holds no database" in done.stdout + done.stderr
    assert b"Check --data-dir; `fhirserver serve` and `fhirserver load` make" in (
        done.stdout + done.stderr
    )
    assert sorted(path.name for path in Path().iterdir()) == ["ok.ndjson"]


@pytest.mark.parametrize("words", STORES, ids=lambda words: words[0])
@pytest.mark.parametrize("data_dir", ["ok.ndjson", "ok.ndjson/below"])
def test_a_data_directory_that_is_a_file_is_refused(words: tuple[str, ...], data_dir: str) -> None:
    done = command(*words, "--data-dir", data_dir)
    assert done.returncode == 2
    assert b"ok.ndjson is a file, not a folder" in done.stderr


UNREACHABLE = b"cannot reach PostgreSQL at 127.0.0.1:1 (dbname x, user nobody): Connection refused"


@pytest.mark.parametrize(
    ("words", "url", "code", "said"),
    [
        *(
            pytest.param(words, "postgresql://nobody:secret@127.0.0.1:1/x", 1, UNREACHABLE)
            for words in STORES
            if words[0] != "worker"
        ),
        (("verify",), "mysql://nobody:secret@127.0.0.1/x", 2, b"is none of PostgreSQL"),
        (("verify",), "x", 2, b"in --database-url or FHIRSERVER_DATABASE_URL"),
        (("verify",), "postgresql://u:secret@secret@h/x", 2, b"more than one @"),
        (("serve", "--open"), "postgresql://u:secret/secret@h/x", 2, b"more than one @"),
        (("doctor",), "postgresql://u:secret/secret@h/x", 1, b"more than one @"),
    ],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(
    words: tuple[str, ...], url: str, code: int, said: bytes
) -> None:
    done = command(*words, "--database-url", url)
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert said in output
    assert b"secret" not in output
    assert b"Traceback" not in output


def test_a_database_without_our_schema_is_refused(postgres: str) -> None:
    done = command("verify", "--database-url", postgres)
    assert done.returncode == 1
    assert b"schema revision none" in done.stderr


def test_what_the_database_refuses_is_said_in_its_words(postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE read_only")
        connection.execute("ALTER DATABASE read_only SET default_transaction_read_only = on")
    done = command("migrate", "--database-url", postgres.replace("@/postgres?", "@/read_only?"))
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False), done.stderr
    assert b"the database says: cannot execute " in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("load", "missing.ndjson"), 2, b"missing.ndjson: No such file or directory"),
        (("validate", "missing.ndjson"), 2, b"missing.ndjson: No such file or directory"),
        (("validate", "pipe.json"), 2, b"pipe.json is no regular file"),
        (("validate", "empty"), 2, b"empty holds no .ndjson, .jsonl, .json or .xml files"),
        (("load", "ok.ndjson", "--refused", "no/where"), 2, b"no/where: No such file or directory"),
        (("export", "--output", "ok.ndjson"), 2, b"--output ok.ndjson is a file"),
        (("sample-data", "--output", "no/where"), 1, b"no/where: No such file or directory"),
        (("serve", "--open", "--public-url", "x"), 2, b"must be http"),
        (("reindex", "--public-url", "x"), 2, b"check --public-url or FHIRSERVER_PUBLIC_URL"),
        (("serve", "--open", "--public-url", "http://x/fhir?y"), 2, b"must be http"),
        (("serve", "--open", "--public-url", "http://u:p@x/fhir"), 2, b"must be http"),
    ],
)
def test_a_wrong_path_or_url_is_named(words: tuple[str, ...], code: int, said: bytes) -> None:
    Path("empty").mkdir()
    os.mkfifo("pipe.json")
    done = command(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("line", [b"[1]", b'"x"', b"null", b"\x00\xff", b'{"a":' * 500, b"{}"])
def test_validate_says_what_is_wrong_with_any_line(line: bytes) -> None:
    Path("odd.ndjson").write_bytes(b"\n" + line + b"\n")
    done = command("validate", "odd.ndjson")
    assert done.returncode == 1
    assert done.stdout.startswith(b"odd.ndjson:2: ")
    assert b"Traceback" not in done.stderr


def test_validate_goes_on_after_a_file_that_is_cut_off() -> None:
    Path("a.ndjson.gz").write_bytes(b"\x1f\x8b")
    Path("b.ndjson").write_text("[1]")
    done = command("validate", "a.ndjson.gz", "b.ndjson")
    assert done.returncode == 1
    assert [line.split(b":")[0] for line in done.stdout.splitlines()] == [
        b"a.ndjson.gz",
        b"b.ndjson",
    ]
