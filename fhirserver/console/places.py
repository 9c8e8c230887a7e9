"""Where somebody who is logged in can go, by role."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from fhirserver.console.offices import administers, develops, launches, reviews, role_of
from fhirserver.identity.accounts import Account


class Place(NamedTuple):
    """A link: path, words, and what more there is to say."""

    path: str
    words: str
    more: str


def _has_record(account: Account) -> bool:
    return account.role in ("patient", "proxy")


def _audits(account: Account) -> bool:
    return account.role == "auditor"


def _breaks_glass(account: Account) -> bool:
    role = role_of(account)
    return role is not None and role.breaks_glass


def _everybody(_account: Account) -> bool:
    return True


_PLACES: tuple[tuple[Callable[[Account], bool], Place], ...] = (
    (launches, Place("/launch", "Launch an app", "with a patient and a visit")),
    (_has_record, Place("/record-access", "Who saw the record", "day by day")),
    (_audits, Place("/record-access", "Who saw a patient’s record", "of any patient")),
    (_breaks_glass, Place("/break-glass", "Emergency access", "to a patient you do not treat")),
    (_everybody, Place("/apps", "Your apps", "what they may do, and taking it back")),
    (administers, Place("/admin/apps", "Applications", "approve and disable them")),
    (reviews, Place("/admin/break-glass", "Emergency access to review", "")),
    (administers, Place("/conformance/", "Conformance", "TestScripts, reports and claims")),
    (develops, Place("/developer", "For developers", "register an application")),
    (develops, Place("/inspect", "Why, or why not?", "the rule behind an answer")),
    (_everybody, Place("/account", "Account", "password, second factor, sessions")),
)


def places_of(account: Account) -> Iterator[Place]:
    """List where an account can go, what it needs most first."""
    return (place for is_for, place in _PLACES if is_for(account))
