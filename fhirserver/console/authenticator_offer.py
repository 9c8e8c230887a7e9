"""What a page shows of an authenticator application that is to be added.

Spec: RFC 6238
"""

import segno
from flask import request

from fhirserver.console.signed_in import services_here
from fhirserver.identity import second_factor, totp
from fhirserver.identity.sessions import Session


def offer(session: Session) -> dict[str, str]:
    """Give the QR code as SVG, the address in it, and the secret as people type it."""
    secret = second_factor.offer(services_here(), session)
    address = totp.address(secret, session.account.username, request.host)
    code = segno.make(address, error="m").svg_inline(
        omitsize=True, light="#fff", svgclass=None, lineclass=None
    )
    return {"code": code, "address": address, "secret": totp.written(secret)}
