"""What `run` and `suites` share: which server, who asks, how it is judged.

Credentials go to the first server of the command line and to no other.
"""

import argparse
import os
import re
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from fhirserver_conformance.commands.usage import UsageError
from fhirserver_conformance.engine.settings import RunSettings, Target, no_authorization
from fhirserver_conformance.login.bearer import VARIABLE, bearer, bearer_from_file
from fhirserver_conformance.transport import TIMEOUT_S, Transport

FHIRPATH_ENGINES = ("own", "fhirpathpy")

_HEADER = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)"
)
_TOKEN_LIMIT_BYTES = 1024 * 1024
"""More is no answer of an authorization server."""


def add_server_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Declare which server, and how to log in."""
    parser.add_argument(
        "--base",
        action="append",
        required=required,
        default=[],
        metavar="URL",
        type=base_address,
        help="FHIR base of the server under test; again for destination 2, 3 …",
    )
    login = parser.add_mutually_exclusive_group()
    login.add_argument(
        "--token", help=f"bearer token; {VARIABLE} in the environment stays out of process lists"
    )
    login.add_argument(
        "--token-file", metavar="FILE", type=Path, help="holds it, and is read for every request"
    )
    login.add_argument(
        "--smart-client", metavar="FILE", type=Path, help="JSON file of a SMART client to log in as"
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="'NAME: VALUE'",
        type=_header,
        help="sent with every request to the first --base, whatever scripts say; again for more",
    )
    parser.add_argument(
        "--timeout",
        default=TIMEOUT_S,
        metavar="SECONDS",
        type=_seconds,
        help=f"for one request and its whole answer; default {TIMEOUT_S:g}",
    )
    parser.add_argument(
        "--ca-file", metavar="FILE", type=Path, help="trust these authorities, not the system's"
    )


def add_judging_options(parser: argparse.ArgumentParser) -> None:
    """Declare how scripts are run and judged."""
    parser.add_argument(
        "--fhirpath", choices=FHIRPATH_ENGINES, default="own", help="engine of expressions"
    )
    parser.add_argument(
        "--validator",
        metavar="URL",
        type=base_address,
        help="FHIR base whose $validate judges profiles that are not base R4",
    )
    parser.add_argument(
        "--parallel",
        default=1,
        metavar="N",
        type=_count,
        help="scripts at the same time; default 1",
    )
    parser.add_argument(
        "--variable",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        type=_variable,
        help="value in place of what scripts say of a variable of that name",
    )
    parser.add_argument(
        "--confine", action="store_true", help="send nothing to addresses outside the servers named"
    )


def run_settings(arguments: argparse.Namespace) -> RunSettings:
    """Make the settings of a run; logs in where that is asked.

    Raises:
        UsageError: a file cannot be read.
        LoginError: no token is to be had.
    """
    bases: list[str] = arguments.base
    ca_file = _ca_file(arguments.ca_file)
    allowed = (*bases, *filter(None, (arguments.validator,)))
    authorization = _authorization(arguments, bases[0], ca_file)
    first = Target(bases[0], authorization)
    return RunSettings(
        targets=(first, *(Target(base) for base in bases[1:])),
        transport=Transport(
            timeout_s=arguments.timeout,
            ca_file=ca_file,
            confine=allowed if arguments.confine else None,
            marks=tuple(arguments.header),
            marked=bases[0],
        ),
        fhirpath=arguments.fhirpath,
        parallel=arguments.parallel,
        validator=arguments.validator,
        variables=tuple(arguments.variable),
    )


def _authorization(
    arguments: argparse.Namespace, base: str, ca_file: str | None
) -> Callable[[], str | None]:
    if arguments.smart_client is not None:
        from fhirserver_conformance.login.smart import smart_login

        transport = Transport(
            timeout_s=arguments.timeout, body_limit_bytes=_TOKEN_LIMIT_BYTES, ca_file=ca_file
        )
        return smart_login(arguments.smart_client, base, transport=transport, say=_say)
    if arguments.token_file is not None:
        return bearer_from_file(arguments.token_file)
    if arguments.token is not None:
        return bearer(arguments.token, "--token")
    if VARIABLE in os.environ:
        return bearer(os.environ[VARIABLE], VARIABLE)
    return no_authorization


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _ca_file(path: Path | None) -> str | None:
    """Check that a file holds certificates."""
    if path is None:
        return None
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        raise UsageError(f"{path}: holds no certificate in PEM") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    return str(path)


def base_address(text: str) -> str:
    """Check a FHIR base and take the slash off its end."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for one that is none
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as http://host/path or https://…")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise argparse.ArgumentTypeError(f"{text!r}: leave out query, fragment and user")
    return text.rstrip("/")


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as NAME=VALUE")
    return name, value


def _header(text: str) -> tuple[str, str]:
    match = _HEADER.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as 'NAME: VALUE'")
    return match[1], match[2]


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("write seconds between 0 and 3600")
    return seconds


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 64:
        raise argparse.ArgumentTypeError("write a number from 1 to 64")
    return count
