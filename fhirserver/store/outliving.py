"""References that outlive what they name: those of Provenance.target.

Spec: https://hl7.org/fhir/R4/provenance.html#removal

A Provenance tells of versions, and versions stay when their resource is deleted. So a target must
have been stored here at some time and may be deleted, before or afterwards.
"""

import functools

from fhirserver.definitions import Definitions
from fhirserver.store.identities import Identity
from fhirserver.store.packed_keys import PackedKeys


@functools.lru_cache(maxsize=4)
def outliving_parameter(definitions: Definitions) -> int:
    """Return the search parameter whose rows hold such references."""
    return definitions.search_parameters("Provenance")["target"].rows_id


def holding(keys: PackedKeys, definitions: Definitions) -> set[Identity]:
    """Return every identity that keys point to and that must be live. Pure."""
    outliving = outliving_parameter(definitions)
    told_of = {(tid, id) for sp, tid, id in keys.reference if sp == outliving}
    if not told_of:
        return keys.identities()
    held = {(tid, id) for sp, tid, id in keys.reference if sp != outliving}
    return held | (keys.identities() - told_of)
