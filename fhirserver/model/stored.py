"""A resource as the store holds it: bytes that go out unchanged, and what is known of them."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["POST", "PUT", "PATCH", "DELETE"]

ANY_VERSION = range(1, 2**31)
"""All the versions a resource can have: what `If-Match: *` names."""


@dataclass(frozen=True, slots=True)
class StoredResource:
    """One version of one resource.

    Attributes:
        rid: row id, unique over all types.
        type: resource type, e.g. "Patient".
        id: logical id.
        version: 1, 2, 3 ...
        updated_us: `meta.lastUpdated` in epoch microseconds.
        method: interaction that made this version.
        body: compact JSON with id and meta; None where this version is a delete.
        container: type and id of what contains it, e.g. "MedicationRequest/23"; its version,
            updated_us and method are then that one's. "" for a resource by itself.
    """

    rid: int
    type: str
    id: str
    version: int
    updated_us: int
    method: Method
    body: bytes | None
    container: str = ""

    @property
    def deleted(self) -> bool:
        """Whether this version is a delete."""
        return self.body is None

    @property
    def etag(self) -> str:
        """The weak entity tag of this version, e.g. W/"3"."""
        return f'W/"{self.version}"'
