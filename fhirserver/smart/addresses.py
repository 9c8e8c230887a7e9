"""Where the authorization server is: everything below the root of the server's own address."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Addresses:
    """Absolute URLs, made from the FHIR base.

    Attributes:
        issuer: the FHIR base, which is the issuer too.
    """

    issuer: str

    @property
    def root(self) -> str:
        """The server's root."""
        return self.issuer.removesuffix("/fhir")

    def at(self, path: str) -> str:
        """Give a place below the root, e.g. "/oauth/token"."""
        return f"{self.root}{path}"

    @property
    def token(self) -> str:
        """The token endpoint, which client assertions name as their audience."""
        return self.at("/oauth/token")
