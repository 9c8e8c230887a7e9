"""What a person sees besides FHIR: a Flask application below the server's root."""

from flask import Flask, Response, render_template

from fhirserver.console.account import ACCOUNT
from fhirserver.console.admin_accounts import add_administration
from fhirserver.console.admin_apps import ADMIN_APPS
from fhirserver.console.apps import APPS
from fhirserver.console.audited import add_audit, tell_refusal
from fhirserver.console.authorize import make_authorize
from fhirserver.console.authorize_pages import make_authorize_pages
from fhirserver.console.break_glass import BREAK_GLASS
from fhirserver.console.conformance import make_conformance
from fhirserver.console.developer import DEVELOPER
from fhirserver.console.inspector import INSPECTOR
from fhirserver.console.landing import make_landing
from fhirserver.console.launcher import LAUNCHER
from fhirserver.console.login import LOGIN
from fhirserver.console.oauth import make_oauth
from fhirserver.console.oauth_logout import make_oauth_logout
from fhirserver.console.oauth_registration import make_oauth_registration
from fhirserver.console.own_host import refuse_other_hosts
from fhirserver.console.record_access import RECORD_ACCESS
from fhirserver.console.same_origin import refuse_other_origins
from fhirserver.console.sample_app import make_sample_app
from fhirserver.console.session_notice import SESSION_NOTICE, add_session_notice
from fhirserver.console.support import make_support
from fhirserver.console.ward import make_ward
from fhirserver.errors import FhirError
from fhirserver.interactions import Services

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    # Under no-referrer a browser hides the origin of a form's POST from its own server too.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_OF_PEOPLE = (APPS, RECORD_ACCESS, DEVELOPER, ADMIN_APPS, LAUNCHER, INSPECTOR)
"""Pages that make no sense on an open server."""


def create_console(services: Services) -> Flask:
    """Make the Flask application that answers outside /fhir."""
    application = Flask(__name__)
    application.extensions["services"] = services
    application.before_request(refuse_other_hosts)
    application.before_request(refuse_other_origins)
    add_session_notice(application)
    application.register_blueprint(make_landing(services))
    application.register_blueprint(make_conformance(services))
    application.register_blueprint(make_support(services))
    if services.settings.open:
        application.register_blueprint(make_ward(services))
    else:
        application.register_blueprint(make_authorize(services))
        application.register_blueprint(make_authorize_pages(services))
        application.register_blueprint(make_oauth(services))
        application.register_blueprint(make_oauth_registration(services))
        application.register_blueprint(make_oauth_logout(services))
        application.register_blueprint(make_sample_app(services.settings.public_url))
        for blueprint in _OF_PEOPLE:
            application.register_blueprint(blueprint)
    application.register_blueprint(LOGIN)
    application.register_blueprint(ACCOUNT)
    application.register_blueprint(BREAK_GLASS)
    application.register_blueprint(SESSION_NOTICE)
    add_administration(application)

    add_audit(application)

    @application.errorhandler(FhirError)
    def tell(error: FhirError) -> tuple[str, int, list[tuple[str, str]]]:
        told = tell_refusal(error)
        page = render_template("trouble.html", status=told.status, message=str(told))
        return page, told.status, list(told.headers)

    @application.after_request
    def add_headers(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return application
