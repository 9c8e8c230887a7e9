"""Which associations the manager accepts, and what it says of itself.

Spec: IEEE 11073-20601, clause 8.7.3

Accepted is the protocol 20601 in any version with the encoding rules MDER and an EUI-64; a
configuration that is not a known standard one is asked for.
"""

from fhirserver_device_bridge.protocols.x20601 import apdu, configurations
from fhirserver_device_bridge.protocols.x20601.agent import offer_of
from fhirserver_device_bridge.protocols.x20601.apdu import (
    Association,
    AssociationRequest,
    AssociationResponse,
    Protocol,
)
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.states import Event

SYSTEM_ID = bytes.fromhex("02000000fe000001")
"""The manager's EUI-64: a locally administered one."""


def judge(request: AssociationRequest) -> Event:
    """Tell what an association request is to the state table."""
    if result_of(request) != apdu.ACCEPTED:
        return Event.AARQ_UNACCEPTABLE
    config_id = offer_of(request).config_id
    known = configurations.standard(config_id) is not None
    return Event.AARQ_KNOWN if known else Event.AARQ_UNKNOWN


def result_of(request: AssociationRequest) -> int:
    """The result that answers a request: ACCEPTED, or why it is refused."""
    if request.version != apdu.ASSOCIATION_VERSION_1:
        return apdu.REJECTED_ASSOCIATION_VERSION
    try:
        offer = offer_of(request)
    except MderError:
        return apdu.REJECTED_NO_COMMON_PROTOCOL
    common = (
        offer.protocol_version & apdu.PROTOCOL_VERSIONS
        and offer.encoding_rules & apdu.MDER_RULES
        and offer.nomenclature_version & apdu.NOMENCLATURE_VERSION_1
        and len(offer.system_id) == 8
    )
    return apdu.ACCEPTED if common else apdu.REJECTED_NO_COMMON_PARAMETER


def response(result: int, offer: Association) -> AssociationResponse:
    """The answer that accepts an offer, in the first protocol version that both have."""
    versions = offer.protocol_version & apdu.PROTOCOL_VERSIONS
    chosen = 1 << 31 if versions >> 31 else 1 << (versions.bit_length() - 1)
    own = Association(
        protocol_version=chosen,
        encoding_rules=apdu.MDER_RULES,
        nomenclature_version=apdu.NOMENCLATURE_VERSION_1,
        functional_units=0,
        system_type=apdu.SYSTEM_TYPE_MANAGER,
        system_id=SYSTEM_ID,
        config_id=0,
        request_modes=0,
        agent_starts=0,
        manager_starts=0,
    )
    return AssociationResponse(result, Protocol(apdu.PROTOCOL_20601, apdu.ASSOCIATION.write(own)))
