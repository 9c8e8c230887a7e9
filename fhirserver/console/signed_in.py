"""Who is logged in at the page that is being answered, and what pages ask for that.

Spec: RFC 6265bis section 4.1.3 (`__Host-`); https://www.w3.org/TR/fetch-metadata/#sec-fetch-user-header

A page that loads itself again does not keep its session alive: browsers say in Sec-Fetch-User
whether a person asked for a page.
"""

import hmac
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from flask import current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from fhirserver.errors import ForbiddenError
from fhirserver.identity import second_factor, sessions
from fhirserver.identity.sessions import Session, Stage, Whence
from fhirserver.interactions import Services

STEP_UP_US = 5 * 60 * 1_000_000
"""How long it counts that somebody proved again who it is."""
_READING = frozenset(("GET", "HEAD"))

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def services_here() -> Services:
    """Give what this application works with."""
    return cast("Services", current_app.extensions["services"])


def cookie_name() -> str:
    """Name the cookie: where pages come over TLS, one that no other host can have set."""
    return "__Host-session" if _is_tls() else "session"


def cookie_secret() -> str:
    """Give the secret that the browser sent; "" for none."""
    return request.cookies.get(cookie_name(), "")


def set_cookie(response: Response, secret: str) -> Response:
    """Let the browser send a secret from now on, until it is closed."""
    response.set_cookie(
        cookie_name(), secret, path="/", secure=_is_tls(), httponly=True, samesite="Lax"
    )
    g.pop("session", None)
    return response


def drop_cookie(response: Response) -> Response:
    """Let the browser forget its secret."""
    response.delete_cookie(cookie_name(), path="/", secure=_is_tls(), httponly=True, samesite="Lax")
    return response


def whence() -> Whence:
    """Give where the request comes from."""
    return Whence(request.remote_addr or "", request.headers.get("User-Agent", ""), cookie_secret())


def signed_in() -> Session | None:
    """Give the session of this request; None where nobody is logged in, or not well enough."""
    if "session" not in g:
        session = _find("complete")
        g.session = None if session is None or _lacks_factor(session) else session
    return cast("Session | None", g.session)


def session_here() -> Session:
    """Give the session of a page that asked for one."""
    session = signed_in()
    assert session is not None
    return session


def half_signed_in(stage: Stage) -> Session | None:
    """Give the session of a login that has come as far as a stage."""
    return _find(stage)


def needs_session(
    *, step_up: bool = False
) -> Callable[[Callable[Arguments, Answer]], Callable[Arguments, Answer | Response]]:
    """Make a page ask for a login first, and come back after it; forms carry the CSRF token.

    Args:
        step_up: the person must have proved within STEP_UP_US who it is, with the second factor
            where one is enrolled.
    """

    def decorate(view: Callable[Arguments, Answer]) -> Callable[Arguments, Answer | Response]:
        @wraps(view)
        def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer | Response:
            session = signed_in()
            if session is None:
                return redirect(url_for("login.ask", next=_here()), 303)
            if step_up and not is_fresh(session):
                return redirect(url_for("login.again", next=_here()), 303)
            if request.method not in _READING:
                check_csrf()
            return view(*args, **kwargs)

        return guarded

    return decorate


def is_fresh(session: Session) -> bool:
    """Whether who it is was proved lately, as well as the account can."""
    lately = services_here().now() - session.auth_time < STEP_UP_US
    return lately and ("mfa" in session.amr or not session.account.second_factor)


def csrf_token() -> str:
    """Give what forms carry in the field `csrf`; templates have it as `csrf_token()`."""
    secret = cookie_secret()
    return sessions.csrf_token(secret) if secret else ""


def check_csrf() -> None:
    """Refuse a request whose form does not carry this session's token.

    Raises:
        ForbiddenError: it does not.
    """
    given, expected = request.form.get("csrf", ""), csrf_token()
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ForbiddenError(
            "The form is of another login; open the page again and repeat what you did."
        )


def local_path(target: str | None, otherwise: str) -> str:
    """Give an address of this server that a login leads to; anything else is not followed.

    Args:
        target: from the query of a request.
        otherwise: where it leads if the target is elsewhere.
    """
    if not target or not target.isascii() or not target.isprintable() or "\\" in target:
        return otherwise
    parts = urlsplit(target)
    inside = not parts.scheme and not parts.netloc and target.startswith("/")
    return target if inside and not target.startswith("//") else otherwise


def _here() -> str:
    """Give the address to come back to; what a form was to do is not repeated."""
    if request.method in _READING:
        return request.full_path.removesuffix("?")
    return local_path(urlsplit(request.referrer or "").path, "/")


def _find(stage: Stage) -> Session | None:
    secret = cookie_secret()
    if not secret:
        return None
    services = services_here()
    return sessions.current(
        services.database, secret, now=services.now(), extend=_is_done_by_a_person(), stage=stage
    )


def _lacks_factor(session: Session) -> bool:
    """Whether a session was begun with less than its role needs by now."""
    setting = services_here().settings.second_factor
    return "mfa" not in session.amr and second_factor.is_required(setting, session.account.role)


def _is_done_by_a_person() -> bool:
    mode = request.headers.get("Sec-Fetch-Mode")
    if request.method not in _READING or mode is None:
        return True
    return mode == "navigate" and request.headers.get("Sec-Fetch-User") == "?1"


def _is_tls() -> bool:
    return services_here().settings.public_url.startswith("https://")
