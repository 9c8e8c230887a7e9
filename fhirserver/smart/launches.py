"""EHR launches: a handle that stands for a person's context, for one application, once.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch

The page of the EHR opens the application's launch URL with `iss` and `launch`. The application
brings the handle back with its request for authorization, in the browser of the same person.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject
from fhirserver.smart.clients import Client
from fhirserver.smart.style import style_address
from fhirserver.smart.tokens import digest, new_secret

LIFETIME_S = 300

_ADD = """
INSERT INTO oauth_launch (digest, client, account, audience, patient, context, expires)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


def create(
    connection: Connection[Any],
    client: str,
    account: str,
    audience: str,
    context: JsonObject,
    *,
    now_us: int,
) -> str:
    """Keep a context and give its handle.

    Args:
        connection: in any transaction state.
        client: id of the application that is launched.
        account: id of the account of who launches it.
        audience: FHIR base that it is launched against.
        context: as `launch_context.checked` gives it; "patient" is one of its names.
        now_us: epoch microseconds.
    """
    handle = new_secret()
    rest = {name: value for name, value in context.items() if name != "patient"}
    rest["smart_style_url"] = style_address(audience)
    values = (client, account, audience, context.get("patient"), Jsonb(rest))
    connection.execute(_ADD, (digest(handle), *values, now_us + LIFETIME_S * 1_000_000))
    return handle


def launch_address(client: Client, base: str, handle: str) -> str:
    """Give the address that launches an application.

    Args:
        client: with a launch URL.
        base: this FHIR base.
        handle: of `create`.
    """
    assert client.launch_url is not None
    joined = "&" if "?" in client.launch_url else "?"
    return f"{client.launch_url}{joined}{urlencode({'iss': base, 'launch': handle})}"
