"""The pages below `/account`: one's own password, second factor and sessions.

GET        /account                         who one is here, and where one is logged in
GET, POST  /account/password                another password; other sessions end, and what apps may
GET, POST  /account/second-factor           enrol an authenticator application; shows recovery codes
POST       /account/recovery-codes          new recovery codes, shown once
POST       /account/sessions/ID/end         log out there
POST       /account/sessions/end            log out everywhere else
GET        /account/stay                    go on; for another tab, so that no form is lost

What changes how one logs in asks for a fresh proof first.
"""

from contextlib import AbstractContextManager
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from fhirserver.console.authenticator_offer import offer
from fhirserver.console.browser_name import browser_name
from fhirserver.console.moment import moment
from fhirserver.console.signed_in import needs_session, services_here, session_here, whence
from fhirserver.errors import FhirError
from fhirserver.identity import app_access, login, second_factor, sessions
from fhirserver.identity.accounts import Account
from fhirserver.identity.told import somebody, told

_TRAINING_NOTICE_DAYS = 30
_DAY_US = 24 * 3600 * 1_000_000


ACCOUNT = Blueprint("account", __name__, url_prefix="/account")


@ACCOUNT.get("")
@needs_session()
def index() -> str:
    """Show who one is and where one is logged in."""
    services, session = services_here(), session_here()
    now = services.now()
    return render_template(
        "account.html",
        account=session.account,
        browser_name=browser_name,
        listed=sessions.list_sessions(services.database, session.account.id, now),
        moment=moment,
        recovery_codes=second_factor.recovery_codes_left(services, session.account.id),
        training=_training(session.account, now),
    )


@ACCOUNT.route("/password", methods=["GET", "POST"])
@needs_session(step_up=True)
def password() -> Response:
    """Take another password."""
    error = None
    if request.method == "POST":
        try:
            login.change_password(
                services_here(),
                session_here(),
                request.form.get("password", ""),
                whence(),
                keep_apps="keep_apps" in request.form,
            )
        except FhirError as refusal:
            error = refusal
        else:
            return redirect(url_for(".index"), 303)
    return _page("account_password.html", error)


@ACCOUNT.route("/second-factor", methods=["GET", "POST"])
@needs_session(step_up=True)
def enrol() -> Response:
    """Enrol an authenticator application."""
    services, session = services_here(), session_here()
    error = None
    if request.method == "POST":
        try:
            with _told("account-second-factor"):
                codes = second_factor.enrol(services, session, request.form.get("code", ""))
        except FhirError as refusal:
            error = refusal
        else:
            return _page("account_codes.html", codes=codes)
    return _page("account_second_factor.html", error, **offer(session))


@ACCOUNT.post("/recovery-codes")
@needs_session(step_up=True)
def recovery_codes() -> Response:
    """Make new recovery codes."""
    with _told("account-recovery-codes"):
        codes = second_factor.renew_recovery_codes(services_here(), session_here().account.id)
    return _page("account_codes.html", codes=codes)


@ACCOUNT.post("/sessions/<id_>/end")
@needs_session()
def end_one(id_: str) -> Response:
    """Log out somewhere else."""
    with _told("account-sessions"), services_here().database.connection() as connection:
        ended = sessions.end_one(connection, session_here().account.id, id_)
        app_access.end_online(connection, ended, services_here().now())
    return redirect(url_for(".index"), 303)


@ACCOUNT.post("/sessions/end")
@needs_session()
def end_others() -> Response:
    """Log out everywhere else."""
    session = session_here()
    with _told("account-sessions"), services_here().database.connection() as connection:
        ended = sessions.end_all(connection, session.account.id, session.id)
        app_access.end_online(connection, ended, services_here().now())
    return redirect(url_for(".index"), 303)


@ACCOUNT.get("/stay")
@needs_session()
def stay() -> str:
    """Keep the session alive."""
    return render_template("stay.html", until=moment(session_here().idle_ends))


def _page(template: str, error: FhirError | None = None, **values: object) -> Response:
    page = make_response(render_template(template, error=error, typing=True, **values))
    page.status_code = 200 if error is None else error.status
    return page


def _told(event: str) -> AbstractContextManager[dict[str, Any]]:
    """Tell the audit trail what somebody changes of their own account."""
    account = session_here().account
    doer = somebody(account, whence().address)
    return told(services_here().database, event, doer, {"account": account.id})


def _training(account: Account, now: int) -> str:
    """Say how it stands with somebody's training: "", "expires" soon, or "expired"."""
    if not account.is_trained(now):
        return "expired"
    return "" if account.is_trained(now + _TRAINING_NOTICE_DAYS * _DAY_US) else "expires"
