"""Who can reach a server, and whether others could listen: checked before it starts.

address    authentication   TLS, or a trusted proxy that ends it
loopback   or --open        not needed
any other  always           always
"""

import ssl

from fhirserver.commands.command_error import CommandError
from fhirserver.config import Settings
from fhirserver.identity.roles import ROLES
from fhirserver.identity.second_factor import required_roles
from fhirserver.supervisor_listen import is_loopback


def check_exposure(settings: Settings, host: str) -> None:
    """Refuse to serve where strangers could read along.

    Args:
        settings: of the server.
        host: address that it is to listen on.

    Raises:
        CommandError: it would be reachable without authentication or in the clear, the files for
            TLS cannot be used, or there is no role that must have a second factor; exit code 2.
    """
    _check_roles(settings)
    if settings.tls_certificate:
        _check_files(settings)
    if is_loopback(host):
        return
    if settings.open:
        raise CommandError(
            f"--open is for this machine only and {host} is reachable from others: "
            "use --host 127.0.0.1",
            exit_code=2,
        )
    if not settings.tls_certificate and not settings.trusted_proxies:
        raise CommandError(
            f"{host} is reachable from others, and access tokens would pass in the clear: give "
            "--tls-certificate and --tls-key, or name the proxy that ends TLS before this server "
            "in FHIRSERVER_TRUSTED_PROXIES, or use --host 127.0.0.1",
            exit_code=2,
        )


def _check_roles(settings: Settings) -> None:
    unknown = [each for each in required_roles(settings.second_factor) if each not in ROLES]
    if unknown:
        raise CommandError(
            f"FHIRSERVER_SECOND_FACTOR names {unknown[0]!r}, which is no role: use some of "
            f"{', '.join(ROLES)}",
            exit_code=2,
        )


def _check_files(settings: Settings) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty passphrase, so that nobody is asked for one.
        context.load_cert_chain(settings.tls_certificate, settings.tls_key, password="")
    except (OSError, ValueError) as error:
        raise CommandError(
            f"TLS cannot be served with {settings.tls_certificate} and {settings.tls_key}: "
            f"{error}. Give the certificate's chain and its private key without a passphrase, "
            "both in PEM",
            exit_code=2,
        ) from None
