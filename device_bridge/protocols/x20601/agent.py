"""What is known of an agent, learned from its APDUs one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import attributes, configurations, segments
from fhirserver_device_bridge.protocols.x20601.apdu import (
    ActionResult,
    Apdu,
    Association,
    AssociationRequest,
    Data,
    EventReport,
    GetResult,
    association_of,
)
from fhirserver_device_bridge.protocols.x20601.clocks import Coincidence, coincidences
from fhirserver_device_bridge.protocols.x20601.configurations import Objects
from fhirserver_device_bridge.protocols.x20601.mder import MderError


@dataclass(frozen=True, slots=True)
class Agent:
    """What is known of an agent.

    Attributes:
        system_id: EUI-64, 8 octets; empty until it associates.
        request_modes, starts: what it said of data requests (`apdu.Association`).
        objects: of its configuration; None until that is known.
        mds: attributes of the device itself.
        described: when the agent told `mds`; None where it has not.
        clocks: by the attribute id of their time stamps.
        segments: attributes of stored segments, by PM-store and segment number.
    """

    system_id: bytes = b""
    config_id: int = 0
    request_modes: int = 0
    starts: int = 1
    objects: Objects | None = None
    mds: Mapping[int, Any] = field(default_factory=dict)
    described: datetime | None = None
    clocks: Mapping[int, Coincidence] = field(default_factory=dict)
    segments: Mapping[tuple[int, int], Mapping[int, Any]] = field(default_factory=dict)


def offer_of(request: AssociationRequest) -> Association:
    """What an agent says of itself, in the first offer of the protocol 20601.

    Raises:
        MderError: it offers no such protocol, or says it badly.
    """
    faults = []
    for protocol in request.protocols:
        try:
            return association_of(protocol)
        except MderError as error:
            faults.append(error)
    raise faults[-1] if faults else MderError(0, "the association request offers no protocol")


def learn(agent: Agent, apdu: Apdu, at: datetime) -> Agent:
    """Add what an APDU says of its agent. Pure.

    Args:
        agent: as it is known before.
        apdu: reports with measurements and answers teach nothing.
        at: when it came.

    Raises:
        MderError: it is of a kind that teaches something, and badly structured.
    """
    if isinstance(apdu, AssociationRequest):
        offer = offer_of(apdu)
        known = configurations.standard(offer.config_id)
        modes, starts = offer.request_modes, offer.agent_starts
        return Agent(offer.system_id, offer.config_id, modes, starts, known)
    if not isinstance(apdu, Data):
        return agent
    message = apdu.message
    if isinstance(message, EventReport) and message.type == configurations.NOTI_CONFIG:
        report = configurations.REPORT.decode(message.info)
        return replace(agent, config_id=report.config_id, objects=configurations.objects_of(report))
    if isinstance(message, GetResult) and message.handle == 0:
        mds = attributes.decode(message.attributes)
        return replace(agent, mds=mds, described=at, clocks=coincidences(mds, at))
    if isinstance(message, ActionResult) and message.type == segments.GET_SEGMENT_INFO:
        return replace(agent, segments={**agent.segments, **_segments(message)})
    return agent


def _segments(message: ActionResult) -> dict[tuple[int, int], Mapping[int, Any]]:
    return {
        (message.handle, segment.number): attributes.decode(segment.attributes)
        for segment in segments.SEGMENTS.decode(message.info)
    }
