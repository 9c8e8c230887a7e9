"""Tokens that are given."""

from pathlib import Path

import pytest

from fhirserver_conformance.login.bearer import bearer, bearer_from_file
from fhirserver_conformance.login.login_error import LoginError


def test_a_token_becomes_a_header() -> None:
    assert bearer(" abc.DEF-1_2~3+4/5== \n", "--token")() == "Bearer abc.DEF-1_2~3+4/5=="


def test_a_file_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    authorization = bearer_from_file(file)
    assert authorization() == "Bearer one"
    file.write_text("two\n")
    assert authorization() == "Bearer two"


@pytest.mark.parametrize("token", ["", "two words", 'quo"ted', "Bearer abc", "a\r\nX: y", "ü"])
def test_what_is_no_token_is_refused_unquoted(token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token, "utf-8")
    for source, give in (("--token", lambda: bearer(token, "--token")),
                         (str(file), lambda: bearer_from_file(file))):  # fmt: skip
        with pytest.raises(LoginError, match="holds no bearer token") as error:
            give()
        assert str(error.value).startswith(source)
        assert not token or token not in str(error.value).replace("the word Bearer", "")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoginError, match="nowhere: No such file"):
        bearer_from_file(tmp_path / "nowhere")
