"""Content of a Binary that is too large to be held at once: on its way in, and out again.

Spec: https://hl7.org/fhir/R4/binary.html#rest
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from fhirserver.access import AuthContext
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import Services
from fhirserver.model.stored import StoredResource
from fhirserver.store.contents import (
    BegunContent,
    KeptContent,
    begin_content,
    find_content,
    forget_content,
    read_content,
)


@contextmanager
def uploaded(
    services: Services,
    auth: AuthContext,
    interaction: str,
    id_: str | None,
    parts: Iterable[bytes],
) -> Iterator[BegunContent]:
    """Store content for a write that follows; forget it unless that made a version of it.

    Args:
        services: where to.
        auth: the caller, who must be allowed to write a Binary at all.
        interaction: of the write, "create" or "update".
        id_: of the Binary; None where it is not known yet.
        parts: see `begin_content`.

    Raises:
        ForbiddenError: the caller may not.
        FhirError: whatever `parts` raises.
    """
    permit(services, auth, interaction, "Binary", id_)
    content = begin_content(services.database, parts)
    try:
        yield content
    finally:
        forget_content(services.database, content.number)


def kept_content(services: Services, stored: StoredResource) -> KeptContent | None:
    """Find the content of a version that its reader may see; None where it is in the resource."""
    return find_content(services.database, stored.rid, stored.version)


def content_parts(
    services: Services, content: KeptContent, start: int, stop: int
) -> Iterator[bytes]:
    """Give the octets from `start` up to `stop`; they are read while they are asked for."""
    return read_content(services.database, content, start, stop)
