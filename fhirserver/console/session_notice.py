"""What every page of somebody who is logged in shows: whose it is, and when the session is over.

Nothing here needs a script: the notice that the session is about to end appears by an animation
whose delay is the page's own stylesheet, `/session/SECONDS.css`. It leads to another tab, so that
nothing typed is lost. A page on which nothing is typed loads itself again when the session is over,
and then asks for a login; that does not keep the session alive.
"""

from typing import Any

from flask import Blueprint, Flask, Response, abort

from fhirserver.console.signed_in import csrf_token, services_here, signed_in

WARNED_S = 120
_MOST_S = 10_000_000
_STYLE = ".session-ends {{ animation-delay: {seconds}s; }}\n"


SESSION_NOTICE = Blueprint("session_notice", __name__)


@SESSION_NOTICE.get("/session/<int:seconds>.css")
def style(seconds: int) -> Response:
    """Let the notice appear after so many seconds."""
    if seconds > _MOST_S:
        abort(404)
    answer = Response(_STYLE.format(seconds=seconds), mimetype="text/css")
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer


def add_session_notice(application: Flask) -> None:
    """Give templates who is logged in and what to say of it."""

    @application.context_processor
    def values() -> dict[str, Any]:
        session = signed_in()
        if session is None:
            return {"csrf_token": csrf_token, "session": None}
        left_s = max(0, (session.idle_ends - services_here().now()) // 1_000_000)
        return {
            "csrf_token": csrf_token,
            "session": session,
            "session_left_s": left_s,
            "session_warning_s": max(0, left_s - WARNED_S),
        }
