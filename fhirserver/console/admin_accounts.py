"""Administration of accounts as a JSON API, for administrators who have just proved who they are.

GET   /admin/api/accounts?after=&count=       by username, a page at a time
POST  /admin/api/accounts                     make one; its first password is in the answer, once
GET   /admin/api/accounts/USERNAME
POST  /admin/api/accounts/USERNAME/disable    its sessions end, its tokens count no longer
POST  /admin/api/accounts/USERNAME/enable
POST  /admin/api/accounts/USERNAME/unlock     after failed attempts
GET   /admin/api/openapi.json                 the OpenAPI document

The caller is the session of the browser; `Origin` must be this server (see `same_origin`). Errors
are JSON: code, status, message, errors by field.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, request
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields, validate
from werkzeug.exceptions import HTTPException

from fhirserver.access import effective_role
from fhirserver.console.audited import tell_refusal
from fhirserver.console.signed_in import is_fresh, services_here, session_here, signed_in
from fhirserver.errors import FhirError, ForbiddenError
from fhirserver.identity import account_changes, accounts, attempts, new_account, passwords
from fhirserver.identity.accounts import Account, Proxied
from fhirserver.identity.new_account import NewAccount
from fhirserver.identity.roles import ROLES
from fhirserver.identity.told import Doer, ended, somebody, told
from fhirserver.model.instant import interval_us
from fhirserver.store.database import Database

_PAGE_MOST = 1000
_CONFIGURATION = {
    "API_TITLE": "fhirserver administration",
    "API_VERSION": "1",
    "OPENAPI_VERSION": "3.0.3",
    "OPENAPI_URL_PREFIX": "/admin/api",
    "OPENAPI_JSON_PATH": "openapi.json",
}


class PageSchema(Schema):
    """Which accounts to list."""

    after = fields.String(load_default="")
    count = fields.Integer(load_default=100, validate=validate.Range(1, _PAGE_MOST))


class PatientSchema(Schema):
    """A patient for whom a proxy may act, until the end of a day."""

    patient = fields.String(required=True)
    expires = fields.Date(required=True)


class NewAccountSchema(Schema):
    """An account to be made."""

    username = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=validate.OneOf(tuple(ROLES)))
    fhir_user = fields.String(data_key="fhirUser", load_default=None, allow_none=True)
    training_expires = fields.Date(data_key="trainingExpires", load_default=None, allow_none=True)
    patients = fields.List(fields.Nested(PatientSchema), load_default=list)


class AccountSchema(Schema):
    """An account."""

    id = fields.String()
    username = fields.String()
    name = fields.String()
    role = fields.String()
    fhir_user = fields.String(data_key="fhirUser", allow_none=True)
    training_expires = fields.Date(data_key="trainingExpires", allow_none=True)
    disabled = fields.Boolean()
    locked = fields.Boolean()
    second_factor = fields.Boolean(data_key="secondFactor")
    must_change = fields.Boolean(data_key="mustChangePassword")


class MadeSchema(AccountSchema):
    """An account that was made: its first password, and references that lead nowhere."""

    password = fields.String()
    warnings = fields.List(fields.String())


ADMIN_ACCOUNTS = Blueprint(
    "accounts",
    __name__,
    url_prefix="/admin/api/accounts",
    description="People who log in",
)


class _Api(Api):  # type: ignore[misc] # it has no types
    """The API's own errors are JSON; those of pages beside it stay what they are."""

    def handle_http_exception(self, error: HTTPException) -> Any:
        """Answer what was raised while a request was answered."""
        if request.path.startswith(_CONFIGURATION["OPENAPI_URL_PREFIX"]):
            return super().handle_http_exception(error)
        return error


def add_administration(application: Flask) -> None:
    """Add the API and its document."""
    application.config.update(_CONFIGURATION)
    _Api(application).register_blueprint(ADMIN_ACCOUNTS)


@ADMIN_ACCOUNTS.before_request
def check_caller() -> None:
    """Let administrators through who have just proved who they are.

    Raises:
        ForbiddenError: nobody is logged in, not an administrator, or the proof is too old.
    """
    session = signed_in()
    if session is None:
        raise ForbiddenError("Log in at /login first.")
    account = session.account
    role = effective_role(account.role, trained=account.is_trained(services_here().now()))
    if role is None or not role.administers:
        raise ForbiddenError("Only administrators may do this.")
    if not is_fresh(session):
        raise ForbiddenError("This asks for a fresh proof of who you are: open /login/again.")


@ADMIN_ACCOUNTS.errorhandler(FhirError)
def tell(error: FhirError) -> tuple[dict[str, Any], int, list[tuple[str, str]]]:
    """Answer with what is wrong, as the API tells of errors of its own."""
    error = tell_refusal(error)
    errors = {place: [str(error)] for issue in error.issues for place in issue.expression}
    body = {"code": error.status, "status": error.code, "message": str(error), "errors": errors}
    return body, error.status, list(error.headers)


@ADMIN_ACCOUNTS.get("")
@ADMIN_ACCOUNTS.arguments(PageSchema, location="query")
@ADMIN_ACCOUNTS.response(200, AccountSchema(many=True))
def index(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """List accounts by username."""
    return _shown(accounts.page(services_here().database, wanted["after"], wanted["count"]))


@ADMIN_ACCOUNTS.post("")
@ADMIN_ACCOUNTS.arguments(NewAccountSchema)
@ADMIN_ACCOUNTS.response(201, MadeSchema)
def make(wanted: dict[str, Any]) -> dict[str, Any]:
    """Make an account with a first password that its owner replaces."""
    services = services_here()
    patients = tuple(
        Proxied(each["patient"], interval_us(each["expires"].isoformat())[1])
        for each in wanted.pop("patients")
    )
    new = NewAccount(**wanted, patients=patients)
    password = passwords.make_password()
    with told(services.database, "account-add", _doer(), {"username": new.username}):
        made = new_account.add(
            services.database, new, password, must_change=True, now=services.now()
        )
    missing = new_account.missing(services.database, new.references)
    warnings = [f"{reference} is not stored here" for reference in missing]
    return {**_shown([made])[0], "password": password, "warnings": warnings}


@ADMIN_ACCOUNTS.get("/<username>")
@ADMIN_ACCOUNTS.response(200, AccountSchema)
def show(username: str) -> dict[str, Any]:
    """Show an account."""
    return _shown([accounts.named(services_here().database, username)])[0]


@ADMIN_ACCOUNTS.post("/<username>/disable")
@ADMIN_ACCOUNTS.response(204)
def disable(username: str) -> None:
    """Shut an account out."""
    _change("account-disable", account_changes.disable, username)


@ADMIN_ACCOUNTS.post("/<username>/enable")
@ADMIN_ACCOUNTS.response(204)
def enable(username: str) -> None:
    """Let an account in again."""
    _change("account-enable", account_changes.enable, username)


@ADMIN_ACCOUNTS.post("/<username>/unlock")
@ADMIN_ACCOUNTS.response(204)
def unlock(username: str) -> None:
    """Open an account that is shut after failed attempts."""
    _change("account-unlock", account_changes.unlock, username)


def _change(event: str, change: Callable[[Database, Account], int | None], username: str) -> None:
    database = services_here().database
    account = accounts.named(database, username)
    with told(database, event, _doer(), {"account": account.id}) as detail:
        detail.update(ended(change(database, account)))


def _doer() -> Doer:
    return somebody(session_here().account, request.remote_addr or "")


def _shown(found: list[Account]) -> list[dict[str, Any]]:
    services = services_here()
    with services.database.connection() as connection:
        shut = attempts.shut(connection, [each.username for each in found], services.now())
    names = AccountSchema().fields
    return [
        {name: getattr(each, name) for name in names if name != "locked"}
        | {"locked": each.username in shut}
        for each in found
    ]
