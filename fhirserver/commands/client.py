"""The applications that may ask for access: register them, approve what registered itself.

add       registers one; prints its id, and its secret once
list      prints all, one a line
approve   lets one be used that registered itself and asks for more than a patient's own records
disable   shuts one out: its tokens count no longer; `enable` lets it in again
secret    prints a new secret; the latest one before it stays good, so that it can be exchanged
delete    forgets one with all its tokens
invite    prints an invitation, by which applications may register themselves
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from fhirserver.commands.client_description import add_description_options, described
from fhirserver.commands.command_error import CommandError
from fhirserver.commands.options import add_store_options, reach_database, settings_from

if TYPE_CHECKING:
    from fhirserver.smart.clients import Mark
    from fhirserver.store.database import Database

EXAMPLES = """\
examples:
  fhirserver client add --name 'Growth chart' --redirect-uri https://app.example.org/callback
  fhirserver client add web --auth-method client_secret_basic --redirect-uri https://a.example/cb
  fhirserver client list
  fhirserver client approve 5Nq8
  fhirserver client secret 5Nq8 --only
  fhirserver client invite --uses 10 --days 7
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=ACTIONS, help="what to do")
    parser.add_argument("id", nargs="?", metavar="ID", help="of the application; `add` chooses one")
    add_store_options(parser)
    add_description_options(parser)
    parser.add_argument("--only", action="store_true", help="secret: end all others")
    parser.add_argument("--uses", type=_count, default=1, metavar="N", help="invite: how often")
    parser.add_argument("--days", type=_count, default=1, metavar="N", help="invite: how long")


def run(args: argparse.Namespace) -> int:
    """Do it."""
    from fhirserver.store.database import Database

    if args.id is None and args.action not in ("add", "list", "invite"):
        raise CommandError(f"{args.action} needs the application's ID", exit_code=2)
    with (
        reach_database(settings_from(args)) as url,
        closing(Database(url)) as database,
    ):
        ACTIONS[args.action](database, args)
    return 0


def _add(database: "Database", args: argparse.Namespace) -> None:
    from psycopg import errors

    from fhirserver.identity.accounts import named
    from fhirserver.smart import clients
    from fhirserver.smart.client_secrets import add_secret
    from fhirserver.store.database import now_us

    owner = named(database, args.owner).id if args.owner else None
    client = replace(described(args), owner=owner, created=now_us())
    with database.connection() as connection, connection.transaction():
        try:
            clients.add(connection, client)
        except errors.UniqueViolation:
            raise CommandError(f"there is an application with the id {client.id}") from None
        secret = add_secret(connection, client.id)
    _say(f"client_id      {client.id}")
    if secret:
        _say(f"client_secret  {secret}")


def _list(database: "Database", _args: argparse.Namespace) -> None:
    from fhirserver.smart.clients import list_all

    for client in list_all(database):
        state = "disabled" if client.disabled else "" if client.approved else "waiting"
        _say(f"{client.id}  {client.kind}  {state or 'approved'}  {client.name}  {client.scopes}")


def _approve(database: "Database", args: argparse.Namespace) -> None:
    _mark(database, args, "approved", holds=True)
    _mark(database, args, "pre_approved", holds=args.pre_approved)


def _disable(database: "Database", args: argparse.Namespace) -> None:
    _mark(database, args, "disabled", holds=True)


def _enable(database: "Database", args: argparse.Namespace) -> None:
    _mark(database, args, "disabled", holds=False)


def _secret(database: "Database", args: argparse.Namespace) -> None:
    from fhirserver.smart.client_secrets import add_secret

    with database.connection() as connection:
        secret = add_secret(connection, args.id, end_others=args.only)
    if secret is None:
        raise CommandError(f"there is no application {args.id} that proves itself by a secret")
    _say(f"client_secret  {secret}")


def _delete(database: "Database", args: argparse.Namespace) -> None:
    from fhirserver.smart.clients import remove

    with database.connection() as connection:
        if not remove(connection, args.id):
            raise _unknown(args.id)


def _invite(database: "Database", args: argparse.Namespace) -> None:
    from fhirserver.smart.invitations import invite
    from fhirserver.store.database import now_us

    with database.connection() as connection:
        _say(invite(connection, args.uses, args.days * 86_400, now_us()))


def _mark(database: "Database", args: argparse.Namespace, mark: "Mark", *, holds: bool) -> None:
    from fhirserver.smart import clients

    with database.connection() as connection:
        if not clients.mark(connection, args.id, mark, holds=holds):
            raise _unknown(args.id)


def _unknown(client_id: str) -> CommandError:
    return CommandError(f"there is no application {client_id}; see `fhirserver client list`")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _count(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 10_000:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: use 1 to 10000")


ACTIONS: "dict[str, Callable[[Database, argparse.Namespace], None]]" = {
    "add": _add,
    "list": _list,
    "approve": _approve,
    "disable": _disable,
    "enable": _enable,
    "secret": _secret,
    "delete": _delete,
    "invite": _invite,
}
