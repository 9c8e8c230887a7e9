"""Logical ids that the server gives, and the addresses of what it stores.

Spec: https://hl7.org/fhir/R4/resource.html#id and RFC 9562, version 7

Ids are time-ordered UUIDs, so that rows written together lie together in the index.
"""

import os

from fhirserver.model.stored import StoredResource


def new_id(now_us: int) -> str:
    """Make a logical id.

    Args:
        now_us: the clock, epoch microseconds; its milliseconds open the id.
    """
    noise = int.from_bytes(os.urandom(10), "big")
    number = (now_us // 1000 & 0xFFFF_FFFF_FFFF) << 80 | noise
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def version_path(stored: StoredResource) -> str:
    """Give the address of one version below the FHIR base."""
    return f"{stored.type}/{stored.id}/_history/{stored.version}"
