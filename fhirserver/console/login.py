"""The pages that log a person in and out.

GET, POST  /login                 username and password
GET, POST  /login/second-factor   the code of an authenticator application, or a recovery code
GET, POST  /login/enrol           adds an authenticator application, where the role must have one
GET, POST  /login/new-password    replaces one that somebody else has handed out
GET, POST  /login/again           who is logged in proves it once more
GET, POST  /logout                ends the session

`next` in the query is the address of this server that follows. Before there is a session, a form
is known to be ours by the Origin of its POST (see `same_origin`).
"""

from collections.abc import Callable

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from fhirserver.console.authenticator_offer import offer
from fhirserver.console.signed_in import (
    drop_cookie,
    half_signed_in,
    local_path,
    needs_session,
    services_here,
    session_here,
    set_cookie,
    signed_in,
    whence,
)
from fhirserver.errors import FhirError
from fhirserver.identity import app_access, login
from fhirserver.identity.login import Step
from fhirserver.identity.sessions import Stage

_PAGES: dict[Stage, str] = {
    "second-factor": "login.second_factor",
    "enrolment": "login.enrol",
    "new-password": "login.new_password",
}
_HOME = "/account"
_LEADS_AWAY = ("/oauth/", "/authorize/")
"""Addresses that may lead on to an app, which `form-action` keeps the redirect of a form from."""

LOGIN = Blueprint("login", __name__)


@LOGIN.route("/login", methods=["GET", "POST"])
def ask() -> Response:
    """Ask for username and password."""
    if request.method == "GET":
        if signed_in() is not None:
            return redirect(_target(), 303)
        return _page("login.html")
    username, password = request.form.get("username", ""), request.form.get("password", "")
    return _go_on(
        "login.html",
        lambda: login.give_password(services_here(), username, password, whence()),
        username=username,
    )


@LOGIN.route("/login/second-factor", methods=["GET", "POST"])
def second_factor() -> Response:
    """Ask for a code."""
    if half_signed_in("second-factor") is None:
        return _begin_again()
    if request.method == "GET":
        return _page("login_code.html")
    code = request.form.get("code", "")
    return _go_on("login_code.html", lambda: login.give_code(services_here(), code, whence()))


@LOGIN.route("/login/enrol", methods=["GET", "POST"])
def enrol() -> Response:
    """Have an authenticator application added, and show recovery codes."""
    session = half_signed_in("enrolment")
    if session is None:
        return _begin_again()
    error = None
    if request.method == "POST":
        try:
            step, codes = login.enrol(services_here(), request.form.get("code", ""), whence())
        except FhirError as refusal:
            error = refusal
        else:
            shown = render_template("account_codes.html", codes=codes, onward=_place(step))
            return set_cookie(make_response(shown), step.secret)
    page = make_response(render_template("login_enrol.html", error=error, **offer(session)))
    page.status_code = 200 if error is None else error.status
    return page


@LOGIN.route("/login/new-password", methods=["GET", "POST"])
def new_password() -> Response:
    """Ask for a password that only its owner knows."""
    if half_signed_in("new-password") is None:
        return _begin_again()
    if request.method == "GET":
        return _page("login_new_password.html")
    password = request.form.get("password", "")
    return _go_on(
        "login_new_password.html",
        lambda: login.give_new_password(services_here(), password, whence()),
    )


@LOGIN.route("/login/again", methods=["GET", "POST"])
@needs_session()
def again() -> Response:
    """Ask for the proof once more."""
    session = session_here()
    if request.method == "GET":
        return _page("login_again.html")
    password, code = request.form.get("password", ""), request.form.get("code", "")
    return _go_on(
        "login_again.html",
        lambda: Step(
            login.prove_again(services_here(), session, password, code, whence()), "complete"
        ),
    )


@LOGIN.route("/logout", methods=["GET", "POST"])
@needs_session()
def leave() -> Response:
    """Log out."""
    if request.method == "GET":
        return _page("logout.html")
    services, session = services_here(), session_here()
    with services.database.connection() as connection:
        app_access.end_online(connection, (session.id,), services.now())
    login.log_out(services, session.account, whence())
    return drop_cookie(redirect(url_for("login.ask"), 303))


def _go_on(template: str, take: Callable[[], Step], **values: str) -> Response:
    """Take a step and lead to the next page, or show the form again with what is wrong."""
    try:
        step = take()
    except FhirError as error:
        answer = _page(template, error=error, **values)
        # A 401 would have to name a scheme of HTTP authentication.
        answer.status_code = 403 if error.status == 401 else error.status
        answer.headers.extend(error.headers)
        return answer
    place = _place(step)
    if place.startswith(_LEADS_AWAY):
        return set_cookie(make_response(render_template("onward.html", place=place)), step.secret)
    return set_cookie(redirect(place, 303), step.secret)


def _place(step: Step) -> str:
    """Give the address that follows a step."""
    page = _PAGES.get(step.stage)
    return _target() if page is None else url_for(page, next=request.args.get("next"))


def _page(template: str, error: FhirError | None = None, **values: str) -> Response:
    return make_response(
        render_template(template, error=error, next=request.args.get("next"), **values)
    )


def _begin_again() -> Response:
    return redirect(url_for("login.ask", next=request.args.get("next")), 303)


def _target() -> str:
    return local_path(request.args.get("next"), _HOME)
