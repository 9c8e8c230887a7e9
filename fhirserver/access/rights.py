"""What a caller may do: the scopes of its access token and what its user may see."""

from dataclasses import dataclass

from fhirserver.access.scope import Scope


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of one request, put together anew for each.

    Attributes:
        scopes: granted to the client by this token.
        patient: logical id of the launch patient, whom `patient/` scopes are about; None where
            there is none, and then they grant nothing.
        user: reference of who logged in, e.g. "Practitioner/7"; None for a client of its own.
        role: name of the user's role, which says what `user/` scopes can reach at most; None for
            a client of its own.
        patients: logical ids of the patients that the user has a relation with: of care, as a
            proxy, or the user's own; None where the role is not confined to any.
        broken_glass: logical ids of those patients beyond `patients` for whom the user has broken
            the glass; they count as related, and every access is marked.
        reads_user: whether `openid` and `fhirUser` were granted, so that the resource of `user`
            can be read whatever the scopes.
        trained: whether the user's training is up to date; if not, the role says what is left.
    """

    scopes: tuple[Scope, ...]
    patient: str | None = None
    user: str | None = None
    role: str | None = None
    patients: tuple[str, ...] | None = ()
    broken_glass: tuple[str, ...] = ()
    reads_user: bool = False
    trained: bool = True
