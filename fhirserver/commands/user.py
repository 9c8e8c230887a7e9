"""Accounts of people who log in: make, list, lock out, let in again.

A password is never an argument. It is generated and printed once, and its owner replaces it at the
first login; or it is asked for with --ask; or it is the first line of standard input with --stdin.
What is changed counts for a running server at once.
"""

import argparse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date

from fhirserver.commands.options import add_store_options, reach_database, settings_from
from fhirserver.commands.user_actions import ACTIONS
from fhirserver.identity.accounts import Proxied
from fhirserver.identity.roles import ROLES
from fhirserver.identity.told import OPERATOR, ended, told
from fhirserver.model.instant import interval_us
from fhirserver.store.database import Database

EXAMPLES = """\
examples:
  fhirserver user add ada --name "Dr. Ada Byron" --role physician --fhir-user Practitioner/7
  fhirserver user add pat --name "Pat Doe" --role proxy --for-patient 12=2027-08-31
  fhirserver user list
  fhirserver user unlock ada
  fhirserver user set-password ada --ask
"""


_READING = ("list", "show")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be done, and the options of each."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (summary, _) in ACTIONS.items():
        action = actions.add_parser(name, help=summary, description=f"{summary}.")
        add_store_options(action)
        if name != "list":
            action.add_argument("username", metavar="USERNAME")
        for declare in _DECLARED.get(name, ()):
            declare(action)


def run(args: argparse.Namespace) -> int:
    """Do it."""
    with open_database(args, create=args.action == "add") as database:
        act = ACTIONS[args.action][1]
        if args.action in _READING:
            act(database, args)
        else:
            about = {"username": args.username}
            with told(database, f"account-{args.action}", OPERATOR, about) as detail:
                detail.update(ended(act(database, args)))
    return 0


@contextmanager
def open_database(args: argparse.Namespace, *, create: bool) -> Iterator[Database]:
    """Open the database that the options name.

    Args:
        args: of a command with the store's options.
        create: make one where the data directory holds none.
    """
    settings = settings_from(args)
    with (
        reach_database(settings, create=create) as url,
        closing(Database(url, max_size=1)) as database,
    ):
        yield database


def _declare_person(action: argparse.ArgumentParser) -> None:
    action.add_argument("--name", required=True, help="for people, e.g. 'Dr. Ada Byron'")
    action.add_argument("--training-expires", type=_day, metavar="DAY", help="last day it counts")


def _declare_role(action: argparse.ArgumentParser) -> None:
    action.add_argument("--role", required=True, choices=tuple(ROLES))
    action.add_argument(
        "--fhir-user", metavar="TYPE/ID", help="the resource that stands for the person"
    )
    action.add_argument(
        "--for-patient",
        action="append",
        default=[],
        type=_patient,
        metavar="ID=DAY",
        help="whom a proxy may act for, to the end of a day; may be repeated",
    )


def _declare_password(action: argparse.ArgumentParser) -> None:
    given = action.add_mutually_exclusive_group()
    given.add_argument("--ask", action="store_true", help="ask for the password")
    given.add_argument("--stdin", action="store_true", help="read the password there")


def _declare_expiry(action: argparse.ArgumentParser) -> None:
    action.add_argument("expires", type=_day_or_none, metavar="DAY", help="or 'none'")


_DECLARED = {
    "add": (_declare_person, _declare_role, _declare_password),
    "set-role": (_declare_role,),
    "set-training": (_declare_expiry,),
    "set-password": (_declare_password,),
}


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no day; write it like 2027-08-31"
        raise argparse.ArgumentTypeError(message) from None


def _day_or_none(text: str) -> date | None:
    return None if text == "none" else _day(text)


def _patient(text: str) -> Proxied:
    id_, _, day = text.partition("=")
    return Proxied(id_, interval_us(_day(day).isoformat())[1])
