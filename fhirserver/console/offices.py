"""Which pages somebody may open by office, beside what the policy says of resources."""

from flask import request, url_for
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from fhirserver.access import Right, effective_role
from fhirserver.access.roles import Role
from fhirserver.console.signed_in import check_csrf, services_here, signed_in
from fhirserver.errors import ForbiddenError
from fhirserver.identity.accounts import Account

_PATIENTS = ("patient", "proxy")
_REVIEWERS = ("auditor", "administrator")


def role_of(account: Account) -> Role | None:
    """Give an account's role as it is in force."""
    return effective_role(account.role, trained=account.is_trained(services_here().now()))


def administers(account: Account) -> bool:
    """Whether somebody administers applications and accounts."""
    role = role_of(account)
    return role is not None and role.administers


def develops(account: Account) -> bool:
    """Whether somebody may register applications: staff, or everybody where anybody may."""
    is_staff = role_of(account) is not None and account.role not in _PATIENTS
    return is_staff or services_here().settings.open_registration


def launches(account: Account) -> bool:
    """Whether somebody has patients to launch applications with."""
    role = role_of(account)
    return role is not None and Right.SEARCH in role.rights.get("Patient", Right(0))


def reviews(account: Account) -> bool:
    """Whether somebody reviews emergency access, which asks for training that counts."""
    return account.role in _REVIEWERS and account.is_trained(services_here().now())


def require(*, holds: bool) -> None:
    """Refuse a page to whoever it is not for.

    Raises:
        ForbiddenError: it does not hold.
    """
    if not holds:
        raise ForbiddenError("This page is not for your role.")


def administrators_only() -> Response | None:
    """Lead to the login, or refuse whoever does not administer; an open server lets all in.

    Raises:
        ForbiddenError: not an administrator, or a form of another login.
    """
    if services_here().settings.open:
        return None
    session = signed_in()
    if session is None:
        return redirect(url_for("login.ask", next=request.path), 303)
    require(holds=administers(session.account))
    if request.method == "POST":
        check_csrf()
    return None
