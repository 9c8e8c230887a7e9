"""What `fhirserver user` does, by the name of the action.

An action gives how many grants of applications ended with it, None where it ends none.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from fhirserver.commands.command_error import CommandError
from fhirserver.identity import account_changes, accounts, attempts, new_account, passwords
from fhirserver.identity.accounts import Account
from fhirserver.identity.new_account import NewAccount
from fhirserver.store.database import Database, now_us

_PAGE = 500
Action = Callable[[Database, argparse.Namespace], int | None]


def _add(database: Database, args: argparse.Namespace) -> None:
    wanted = NewAccount(
        args.username, args.name, args.role, args.fhir_user, args.training_expires,
        tuple(args.for_patient),
    )  # fmt: skip
    password, is_own = _password(args)
    made = new_account.add(database, wanted, password, must_change=not is_own, now=now_us())
    _warn(database, wanted.references)
    sys.stdout.write(f"{made.username} may log in as {made.role}\n")
    _tell(password, is_own)


def _list(database: Database, _args: argparse.Namespace) -> None:
    after, total = "", 0
    while found := accounts.page(database, after, _PAGE):
        after, total = found[-1].username, total + len(found)
        for line in _lines(database, found):
            sys.stdout.write(f"{line}\n")
    if not total:
        sys.stdout.write("There are no accounts; make one with `fhirserver user add`.\n")


def _show(database: Database, args: argparse.Namespace) -> None:
    account = accounts.named(database, args.username)
    with database.connection() as connection:
        patients = accounts.proxied(connection, account.id, now_us())
    (line,) = _lines(database, [account])
    sys.stdout.write(f"{line}\n  id                {account.id}\n")
    sys.stdout.write(f"  training expires  {account.training_expires or 'never'}\n")
    for each in patients:
        last = datetime.fromtimestamp(each.expires // 1_000_000 - 1, UTC).date()
        sys.stdout.write(f"  acts for          Patient/{each.patient} until {last}\n")


def _set_password(database: Database, args: argparse.Namespace) -> int:
    account = accounts.named(database, args.username)
    password, is_own = _password(args)
    grants = account_changes.set_password(database, account, password, must_change=not is_own)
    sys.stdout.write(f"{account.username} has a new password and is logged out everywhere\n")
    _tell(password, is_own)
    return grants


def _set_role(database: Database, args: argparse.Namespace) -> int:
    account = accounts.named(database, args.username)
    new_account.check_patients(args.role, args.for_patient)
    grants = account_changes.set_role(database, account, args.role, args.fhir_user)
    if args.for_patient:
        changed = accounts.named(database, args.username)
        account_changes.set_patients(database, changed, args.for_patient)
    _warn(database, [] if args.fhir_user is None else [args.fhir_user])
    sys.stdout.write(f"{account.username} is now {args.role}, and logged out everywhere\n")
    return grants


def _set_training(database: Database, args: argparse.Namespace) -> None:
    account = accounts.named(database, args.username)
    account_changes.set_training(database, account, args.expires)
    sys.stdout.write(f"{account.username}: training expires {args.expires or 'never'}\n")


def _simply(change: Callable[[Database, Account], int | None], words: str) -> Action:
    """Make an action that changes an account without asking for more."""

    def act(database: Database, args: argparse.Namespace) -> int | None:
        account = accounts.named(database, args.username)
        grants = change(database, account)
        sys.stdout.write(f"{account.username} {words}\n")
        return grants

    return act


ACTIONS: dict[str, tuple[str, Action]] = {
    "add": ("Make an account", _add),
    "list": ("List all accounts", _list),
    "show": ("Show an account", _show),
    "disable": (
        "Shut an account out, with its sessions and tokens",
        _simply(account_changes.disable, "is disabled and logged out everywhere"),
    ),
    "enable": (
        "Let a disabled account in again",
        _simply(account_changes.enable, "may log in again"),
    ),
    "unlock": (
        "Open an account that is shut after failed attempts",
        _simply(account_changes.unlock, "is unlocked"),
    ),
    "set-password": ("Give an account another password", _set_password),
    "set-role": ("Give an account another role", _set_role),
    "set-training": ("Say until when the training counts", _set_training),
    "reset-second-factor": (
        "Let the password alone count until a new authenticator is enrolled",
        _simply(
            account_changes.reset_second_factor,
            "has no second factor now and is logged out everywhere",
        ),
    ),
}


def _lines(database: Database, found: list[Account]) -> list[str]:
    """Write accounts, one a line."""
    with database.connection() as connection:
        shut = attempts.shut(connection, [each.username for each in found], now_us())
    lines = []
    for each in found:
        marks = {
            "disabled": each.disabled,
            "locked": each.username in shut,
            "second factor": each.second_factor,
            "training expired": not each.is_trained(now_us()),
        }
        words = ", ".join(word for word, holds in marks.items() if holds)
        lines.append(
            f"{each.username:<20} {each.role:<14} {each.fhir_user or '-':<30} {words}".rstrip()
        )
    return lines


def _password(args: argparse.Namespace) -> tuple[str, bool]:
    """Give the password, and whether its owner chose it."""
    if args.stdin:
        return sys.stdin.readline().rstrip("\r\n"), True
    if not args.ask:
        return passwords.make_password(), False
    from getpass import getpass

    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        raise CommandError("the two are not the same; nothing was changed")
    return password, True


def _tell(password: str, is_own: bool) -> None:
    if not is_own:
        sys.stdout.write(f"first password, to be replaced at the first login: {password}\n")


def _warn(database: Database, references: list[str]) -> None:
    for missing in new_account.missing(database, references):
        sys.stderr.write(f"warning: {missing} is not stored here\n")
