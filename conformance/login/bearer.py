"""A bearer token that somebody else got: from the command line, a file or the environment.

Spec: https://www.rfc-editor.org/rfc/rfc6750#section-2.1

A file is read before every request, so that a token that something renews there stays good
through a long run.
"""

import re
from collections.abc import Callable
from pathlib import Path

from fhirserver_conformance.login.login_error import LoginError

VARIABLE = "FHIR_CONFORMANCE_TOKEN"

_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")


def bearer(token: str, source: str) -> Callable[[], str | None]:
    """Give the Authorization header's value for one token.

    Args:
        token: as issued; blanks around it do not count.
        source: where it is from, for the message, e.g. "--token".

    Raises:
        LoginError: no token by its characters. The message does not quote it.
    """
    header = _header(token, source)
    return lambda: header


def bearer_from_file(path: Path) -> Callable[[], str | None]:
    """Give the Authorization header's value for the token in a file, whichever is there now.

    Raises:
        LoginError: the file cannot be read or holds no token; at once, and later when it is asked.
    """

    def authorization() -> str:
        try:
            return _header(path.read_text("ascii"), str(path))
        except OSError as error:
            raise LoginError(f"{path}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise _no_token(str(path)) from None

    authorization()
    return authorization


def is_bearer_token(token: str) -> bool:
    """Tell whether a header can hold it as it is."""
    return _TOKEN.fullmatch(token) is not None


def _header(token: str, source: str) -> str:
    if not is_bearer_token(token.strip()):
        raise _no_token(source)
    return f"Bearer {token.strip()}"


def _no_token(source: str) -> LoginError:
    return LoginError(
        f"{source} holds no bearer token: one word of letters, digits and -._~+/ "
        "without quotes or the word Bearer"
    )
