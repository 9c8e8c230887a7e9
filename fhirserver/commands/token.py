"""Issue an access token, to try a server out or for a script of its operator's own.

It is printed alone on standard output, and kept nowhere. Whoever has it may do what its scopes say
until it expires: as the person whom --user names, as far as that person's role goes; without
--user as a program of its own. It belongs to the application that --client names, else to
`command-line`, which is registered when it is first needed and can be shut out like any other.

scopes      need                         without --scopes
system/     no --user                    system/*.cruds
user/       --user                       user/*.cruds
patient/    --user, and --patient unless the person is the patient
"""

import argparse
import sys
from dataclasses import replace

from fhirserver.access.scope_sets import contains
from fhirserver.access.scope_text import parse_scopes
from fhirserver.commands.command_error import CommandError
from fhirserver.commands.options import add_store_options, settings_from
from fhirserver.commands.user import open_database
from fhirserver.identity import accounts
from fhirserver.identity.accounts import Account
from fhirserver.identity.told import OPERATOR, told
from fhirserver.smart import clients
from fhirserver.smart.clients import Client
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import issue
from fhirserver.store.database import Database, now_us

EXAMPLES = """\
examples:
  token=$(fhirserver token --data-dir data)
  curl -H "Authorization: Bearer $token" http://127.0.0.1:8080/fhir/Patient
  fhirserver token --data-dir data --user physician --scopes 'user/Observation.rs' --minutes 5
"""

COMMAND_LINE = "command-line"
_EVERYTHING = "system/*.cruds user/*.cruds patient/*.cruds"
_MINUTES_MAX = 720


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument("--user", metavar="USERNAME", help="whose token it is; default: nobody's")
    parser.add_argument("--scopes", metavar="TEXT", help="of SMART, with blanks between")
    parser.add_argument("--patient", metavar="ID", help="the patient in context")
    parser.add_argument(
        "--client", metavar="ID", help=f"application that it belongs to; default: {COMMAND_LINE}"
    )
    parser.add_argument(
        "--minutes",
        type=_minutes,
        default=60,
        metavar="N",
        help=f"until it expires, 1 to {_MINUTES_MAX}; default: 60",
    )
    parser.add_argument(
        "--public-url", metavar="URL", help="FHIR base that it is good for; default: the server's"
    )


def run(args: argparse.Namespace) -> int:
    """Issue it and print it."""
    base = settings_from(args, public_url=args.public_url).public_url.rstrip("/")
    with open_database(args, create=False) as database:
        account = _account(database, args.user) if args.user else None
        client = _client(database, args.client)
        scopes = args.scopes or ("user/*.cruds" if account else "system/*.cruds")
        patient = args.patient or (None if account is None else account.patient)
        _check(database, scopes, client, account, patient)
        person = None if account is None else account.id
        grant = TokenGrant(client.id, base, scopes, person, patient=patient)
        about = {"client": client.id, "username": args.user or "", "scopes": scopes}
        with told(database, "token", replace(OPERATOR, client="fhirserver token"), about):
            issued = issue(database, grant, now_us=now_us(), lifetime_s=args.minutes * 60)
    sys.stdout.write(f"{issued.secret}\n")
    sys.stderr.write(f"good for {args.minutes} minutes at {base}: {scopes}\n")
    return 0


def _account(database: Database, username: str) -> Account:
    """Find whose token it is to be."""
    found = accounts.named(database, username)
    if found.disabled:
        raise CommandError(f"{username} is disabled; see `fhirserver user enable`")
    return found


def _client(database: Database, id_: str | None) -> Client:
    """Find the application that a token is to belong to."""
    found = clients.find(database, id_ or COMMAND_LINE)
    if found is None and id_ is None:
        found = Client(
            COMMAND_LINE,
            "Tokens from the command line",
            "public",
            scopes=_EVERYTHING,
            grant_types=(),
            created=now_us(),
        )
        with database.connection() as connection:
            clients.add(connection, found)
    if found is None:
        raise CommandError(f"there is no application {id_}; see `fhirserver client list`")
    if found.disabled or not found.approved:
        raise CommandError(f"the application {found.id} may not be used; see `fhirserver client`")
    return found


def _check(
    database: Database, text: str, client: Client, account: Account | None, patient: str | None
) -> None:
    """Refuse scopes that are wrong, or that would count for nothing.

    Raises:
        CommandError: with the reason; exit code 2.
    """
    asked = parse_scopes(text, database.definitions)
    registered = parse_scopes(client.scopes, database.definitions).resources
    refused = [f"{scope}: {reason}" for scope, reason in asked.refused]
    refused += [f"{scope}: it means nothing here" for scope in asked.unknown]
    levels = {scope.level for scope in asked.resources}
    if refused:
        wrong = refused[0]
    elif not levels:
        wrong = "--scopes names no resources; use one such as user/Patient.rs"
    elif not all(contains(registered, scope) for scope in asked.resources):
        wrong = f"the application {client.id} is registered for {client.scopes}"
    elif account is None and levels != {"system"}:
        wrong = "user/ and patient/ scopes are a person's: say whose with --user"
    elif account is not None and "system" in levels:
        wrong = "system/ scopes are a program's own: leave --user out"
    elif "patient" in levels and not patient:
        wrong = "patient/ scopes need the patient in context: name one with --patient"
    else:
        return
    raise CommandError(wrong, exit_code=2)


def _minutes(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= _MINUTES_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: use 1 to {_MINUTES_MAX}")
