"""The page `/admin/apps`: administrators say which applications may be used.

GET   /admin/apps     all that are registered, those that wait for approval first
POST  /admin/apps     approve, disable, enable one; let it in without consent, or not any more

Changes count from the next request, and are in the audit trail. What a form approves is what its
page has shown: an application may change its registration meanwhile.
"""

import hashlib
from typing import NamedTuple

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from fhirserver.access import parse_scopes
from fhirserver.console.app_audit import tell
from fhirserver.console.form_text import form_text
from fhirserver.console.moment import moment
from fhirserver.console.offices import administers, require
from fhirserver.console.signed_in import needs_session, services_here, session_here
from fhirserver.errors import ConflictError, InvalidRequestError, NotFoundError
from fhirserver.identity import accounts
from fhirserver.smart import clients
from fhirserver.smart.clients import Client, Mark
from fhirserver.smart.plain_words import scope_words

ADMIN_APPS = Blueprint("admin_apps", __name__, url_prefix="/admin/apps")
_LOCK = "SELECT FROM oauth_client WHERE id = %s FOR UPDATE"


class Change(NamedTuple):
    """What a button does: a mark, whether it holds, its words; whether the application may more."""

    mark: Mark
    holds: bool
    words: str
    widens: bool = False


CHANGES = {
    "approve": Change("approved", True, "Approve", widens=True),
    "disable": Change("disabled", True, "Disable"),
    "enable": Change("disabled", False, "Enable", widens=True),
    "consent": Change("pre_approved", True, "Ask nobody for consent", widens=True),
    "ask": Change("pre_approved", False, "Ask for consent"),
}


@ADMIN_APPS.get("")
@needs_session(step_up=True)
def index() -> str:
    """List applications."""
    require(holds=administers(session_here().account))
    services = services_here()
    found = sorted(clients.list_all(services.database), key=lambda each: each.approved)
    return render_template(
        "admin_apps.html",
        apps=[(each, _words(each), _owner(each), _buttons(each)) for each in found],
        shown=_shown,
        changes=CHANGES,
        moment=moment,
    )


@ADMIN_APPS.post("")
@needs_session(step_up=True)
def change() -> Response:
    """Change one.

    Raises:
        ForbiddenError: not an administrator.
        InvalidRequestError: no such change.
        ConflictError: the application is not any more what was shown.
        NotFoundError: no such application.
    """
    require(holds=administers(session_here().account))
    id_, name = form_text("client"), form_text("change")
    if name not in CHANGES:
        raise InvalidRequestError(f"change is one of {', '.join(CHANGES)}.")
    wanted = CHANGES[name]
    with services_here().database.connection() as connection, connection.transaction():
        connection.execute(_LOCK, (id_,))
        client = clients.read(connection, id_)
        if client is not None and wanted.widens and form_text("shown") != _shown(client):
            raise ConflictError("The application has changed meanwhile; look at the page again.")
        if not clients.mark(connection, id_, wanted.mark, holds=wanted.holds):
            raise NotFoundError("There is no such application.", expression=("client",))
        tell(connection, f"{name}-app", id_)
    return redirect(url_for(".index"), 303)


def _shown(client: Client) -> str:
    """Sum up what an application is registered for, as its form sends it back."""
    return hashlib.sha256(repr(client).encode()).hexdigest()


def _words(client: Client) -> list[str]:
    definitions = services_here().definitions
    return [scope_words(each) for each in parse_scopes(client.scopes, definitions).resources]


def _owner(client: Client) -> str:
    """Name who looks after an application; "" for nobody."""
    if client.owner is None:
        return ""
    account = accounts.find(services_here().database, client.owner)
    return client.owner if account is None else account.name


def _buttons(client: Client) -> list[str]:
    """Name the changes that make sense; consent is always asked for what registered itself."""
    names = [] if client.approved else ["approve"]
    names.append("enable" if client.disabled else "disable")
    if client.approved and not client.dynamically_registered:
        names.append("ask" if client.pre_approved else "consent")
    return names
