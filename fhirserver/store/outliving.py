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


def holding(keys: PackedKeys, definitions: Definitions) -> tuple[set[Identity], set[Identity]]:
    """Return every identity that keys point to: those that must be live, and the others. Pure."""
    outliving = outliving_parameter(definitions)
    told_of = {(tid, id) for sp, tid, id in keys.reference if sp == outliving}
    if not told_of:
        return keys.identities(), set()
    held = {(tid, id) for sp, tid, id in keys.reference if sp != outliving}
    held |= keys.identities() - told_of
    return held, told_of - held
