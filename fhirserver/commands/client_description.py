"""An application as an operator describes it on the command line."""

import argparse
import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fhirserver.commands.command_error import CommandError
from fhirserver.config import is_origin
from fhirserver.model.json import JsonValue

if TYPE_CHECKING:
    from fhirserver.smart.clients import Client

_ID = re.compile(r"[A-Za-z0-9._~-]{1,255}", re.ASCII)
_METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")


def add_description_options(parser: argparse.ArgumentParser) -> None:
    """Declare what `add` takes."""
    parser.add_argument("--name", metavar="TEXT", help="as people see it")
    parser.add_argument(
        "--auth-method", choices=_METHODS, default="none", help="how it proves itself; none: public"
    )
    parser.add_argument(
        "--redirect-uri", action="append", metavar="URL", help="where answers go; may be repeated"
    )
    parser.add_argument("--scope", metavar="TEXT", help="all it may ask for, with blanks between")
    parser.add_argument(
        "--grant-type", action="append", metavar="NAME", help="RFC 7591's; may be repeated"
    )
    parser.add_argument("--jwks", type=Path, metavar="FILE", help="its public keys, a JWK Set")
    parser.add_argument("--jwks-uri", metavar="URL", help="where it publishes them")
    parser.add_argument("--launch-url", metavar="URL", help="opened by a launch from an EHR")
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="whose pages may call the API and frame ours, besides those of redirect URIs",
    )
    parser.add_argument("--owner", metavar="USER", help="account that looks after it")
    parser.add_argument(
        "--pre-approved", action="store_true", help="nobody is asked for consent; also for approve"
    )


def described(args: argparse.Namespace) -> "Client":
    """Give the application that the arguments describe, approved; the rules are registration's.

    Raises:
        CommandError: something does not fit; exit code 2.
    """
    from fhirserver.definitions import r4
    from fhirserver.smart.client_metadata import read_metadata
    from fhirserver.smart.oauth_error import OAuthError

    id_ = args.id or secrets.token_urlsafe(16)
    if not _ID.fullmatch(id_):
        raise CommandError("an ID has 1 to 255 letters, digits and -._~", exit_code=2)
    wrong = next((each for each in args.origin if not is_origin(each)), None)
    if wrong is not None:
        raise CommandError(f"--origin {wrong!r}: use one such as https://a.example", exit_code=2)
    try:
        client = read_metadata(_metadata(args), r4()).client
    except OAuthError as error:
        raise CommandError(error.description, exit_code=2) from None
    return replace(
        client,
        id=id_,
        name=client.name or id_,
        origins=tuple(dict.fromkeys((*client.origins, *args.origin))),
        approved=True,
        pre_approved=args.pre_approved,
        dynamically_registered=False,
    )


def _metadata(args: argparse.Namespace) -> JsonValue:
    """Write the arguments by the names of RFC 7591."""
    return {
        "client_name": args.name,
        "token_endpoint_auth_method": args.auth_method,
        "redirect_uris": args.redirect_uri,
        "grant_types": args.grant_type,
        "scope": args.scope,
        "jwks": None if args.jwks is None else _read(args.jwks),
        "jwks_uri": args.jwks_uri,
        "initiate_login_uri": args.launch_url,
    }


def _read(path: Path) -> JsonValue:
    from fhirserver.errors import FhirError
    from fhirserver.model.json import parse_json

    try:
        return parse_json(path.read_bytes())
    except FhirError as error:
        raise CommandError(f"{path}: {error}", exit_code=2) from None
