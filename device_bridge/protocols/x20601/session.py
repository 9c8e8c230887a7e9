"""One connection of an agent, without the connection: APDUs go in, effects come out.

    agent                                   manager
    AARQ                                    AARE
    configuration, where it is the agent's own: confirmed event report, answered
                                            get: attributes of the device (clocks, model)
                                            PM-store: segments, then the transfer of each
                                            data request, where the agent waits for one
    reports                                 kept, then confirmed

Reports that come before the device's attributes are known wait for them, unconfirmed: without them
a reading would have no device and no clock. Effects are carried out in their order, and `Keep` is
done only when the disk holds it: so nothing is confirmed that could still be lost.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import (
    apdu,
    configurations,
    negotiation,
    reports,
    segments,
)
from fhirserver_device_bridge.protocols.x20601.agent import Agent, learn, offer_of
from fhirserver_device_bridge.protocols.x20601.apdu import (
    ActionResult,
    Apdu,
    AssociationRequest,
    AssociationResponse,
    ConfirmedAction,
    ConfirmedEventReport,
    Data,
    Error,
    EventReport,
    EventReportResult,
    Get,
    GetResult,
    Protocol,
)
from fhirserver_device_bridge.protocols.x20601.attributes import CLASS_PM_STORE
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.recording import Received, write
from fhirserver_device_bridge.protocols.x20601.states import TABLE, Event, Reaction, State
from fhirserver_device_bridge.protocols.x20601.times import NO_RELATIVE_TIME

CONFIG_TIMEOUT_S, REQUEST_TIMEOUT_S, RELEASE_TIMEOUT_S = 10.0, 3.0, 3.0
_EARLY_LIMIT = 64
_SEGMENTS_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class Send:
    """Write these octets to the agent."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Keep:
    """Journal a recording and wait for the disk; `refused` says why it can never be understood."""

    raw: bytes
    refused: str | None = None


Effect = Send | Keep


class Session:
    """The manager's side of one connection."""

    def __init__(self) -> None:
        self.state = TABLE[State.DISCONNECTED, Event.CONNECTED].state
        self.agent = Agent()
        self._context: dict[str, Received] = {}
        self._wanted: deque[Any] = deque()
        self._pending: tuple[int, Any] | None = None
        self._early: list[tuple[Received, Data]] = []
        self._next_invoke = 1
        self._reactions: dict[Reaction, Callable[[Received, Any], list[Effect]]] = {
            Reaction.NOTHING: self._nothing,
            Reaction.ACCEPT: self._accept,
            Reaction.ACCEPT_UNKNOWN: self._accept,
            Reaction.REJECT: self._reject,
            Reaction.ABORT: self._abort,
            Reaction.CONFIRM_RELEASE: self._confirm_release,
            Reaction.CHECK: self._check,
            Reaction.REFUSE: self._refuse,
            Reaction.TAKE: self._take,
            Reaction.PAIR: self._pair,
        }

    @property
    def timeout_s(self) -> float | None:
        """How long the agent may be silent now; None for as long as it likes."""
        if self.state is State.WAITING_FOR_CONFIG:
            return CONFIG_TIMEOUT_S
        if self.state is State.DISASSOCIATING:
            return RELEASE_TIMEOUT_S
        return None if self._pending is None else REQUEST_TIMEOUT_S

    def receive(self, raw: bytes, at: datetime) -> list[Effect]:
        """Take one APDU.

        Args:
            raw: as `apdu.size_of` cut it from the stream.
            at: when it came, aware.
        """
        received = Received(at, raw)
        try:
            decoded = apdu.decode(raw)
            return self._happen(self._event(decoded), received, decoded)
        except MderError as error:
            return [
                Keep(write([*self._context.values(), received]), str(error)),
                *self._malformed(),
            ]

    def time_out(self) -> list[Effect]:
        """The agent was silent for `timeout_s`."""
        waiting = self.state is State.WAITING_FOR_CONFIG
        reason = apdu.ABORT_CONFIGURATION_TIMEOUT if waiting else apdu.ABORT_RESPONSE_TIMEOUT
        early = self._release_early(confirm=False)
        return [*early, *self._react(Event.TIMEOUT, apdu.Abort(reason))]

    def lose(self) -> list[Effect]:
        """The connection is gone; what waited to be confirmed is kept all the same."""
        early = self._release_early(confirm=False)
        self.state, _ = TABLE[self.state, Event.CONNECTION_LOST]
        return early

    def release(self) -> list[Effect]:
        """End the association, if there is one."""
        return self._react(Event.RELEASE_WANTED, apdu.ReleaseRequest(0))

    def _malformed(self) -> list[Effect]:
        return self._react(Event.MALFORMED, apdu.Abort(apdu.ABORT_UNDEFINED))

    def _react(self, event: Event, answer: Apdu) -> list[Effect]:
        """Change the state for an event that has at most one answer."""
        self.state, reaction = TABLE[self.state, event]
        if self.state is State.UNASSOCIATED:
            self._forget()
        return [] if reaction is Reaction.NOTHING else [Send(apdu.encode(answer))]

    def _event(self, decoded: Apdu) -> Event:
        if isinstance(decoded, AssociationRequest):
            return negotiation.judge(decoded)
        if isinstance(decoded, Data):
            return _data_event(decoded.message)
        return _EVENTS[type(decoded)]

    def _happen(self, event: Event, received: Received, decoded: Apdu) -> list[Effect]:
        self.state, reaction = TABLE[self.state, event]
        effects = self._reactions[reaction](received, decoded)
        if self.state is State.UNASSOCIATED:
            early = self._release_early(confirm=False)
            self._forget()
            return [*early, *effects]
        return effects

    def _forget(self) -> None:
        self.agent, self._context = Agent(), {}
        self._wanted.clear()
        self._pending, self._early = None, []

    # Reactions.

    def _nothing(self, _: Received, __: Apdu) -> list[Effect]:
        return []

    def _accept(self, received: Received, decoded: AssociationRequest) -> list[Effect]:
        self._forget()
        self.agent = learn(self.agent, decoded, received.at)
        self._context["association"] = received
        operating = self.state is State.OPERATING
        result = apdu.ACCEPTED if operating else apdu.ACCEPTED_UNKNOWN_CONFIG
        answer = Send(apdu.encode(negotiation.response(result, offer_of(decoded))))
        return [answer, *self._begin()] if operating else [answer]

    def _reject(self, _: Received, decoded: AssociationRequest) -> list[Effect]:
        answer = AssociationResponse(negotiation.result_of(decoded), Protocol(0, b""))
        return [Send(apdu.encode(answer))]

    def _abort(self, _: Received, __: Apdu) -> list[Effect]:
        return [Send(apdu.encode(apdu.Abort(apdu.ABORT_UNDEFINED)))]

    def _confirm_release(self, _: Received, __: Apdu) -> list[Effect]:
        return [Send(apdu.encode(apdu.ReleaseResponse(0)))]

    def _check(self, received: Received, decoded: Data) -> list[Effect]:
        """Take an agent's own configuration; one that cannot be understood is refused."""
        try:
            self.agent = learn(self.agent, decoded, received.at)
            result = configurations.ACCEPTED
        except MderError:
            result = configurations.UNSUPPORTED
        accepted = result == configurations.ACCEPTED
        self.state, _ = TABLE[
            self.state, Event.CONFIG_ACCEPTED if accepted else Event.CONFIG_REFUSED
        ]
        config_id = int.from_bytes(decoded.message.info[:2], "big")
        reply = configurations.REPLY.write(configurations.ConfigReply(config_id, result))
        answer = self._confirmed(decoded, reply)
        if not accepted:
            return [answer]
        self._context["configuration"] = received
        return [answer, *self._begin()]

    def _refuse(self, _: Received, decoded: Data) -> list[Effect]:
        return [Send(apdu.encode(replace(decoded, message=Error(apdu.NO_SUCH_ACTION))))]

    def _take(self, received: Received, decoded: Data) -> list[Effect]:
        waiting = self._pending is not None and isinstance(self._pending[1], Get)
        if waiting and len(self._early) < _EARLY_LIMIT:
            self._early.append((received, decoded))
            return []
        return self._kept(received, decoded, confirm=True)

    def _pair(self, received: Received, decoded: Data) -> list[Effect]:
        """Pair an answer with what was asked; one that was not asked for ends the association."""
        if self._pending is None or self._pending[0] != decoded.invoke_id:
            self.state, _ = TABLE[self.state, Event.MALFORMED]
            return self._abort(received, decoded)
        _, asked = self._pending
        self._pending = None
        if isinstance(decoded.message, GetResult | ActionResult):
            self._learn(received, decoded, asked)
        early = self._release_early(confirm=True) if isinstance(asked, Get) else []
        return [*early, *self._answered(received, decoded), *self._ask()]

    def _answered(self, received: Received, decoded: Data) -> list[Effect]:
        """Keep measurements that came as the answer to a data request."""
        message = decoded.message
        if not isinstance(message, ActionResult) or message.type != reports.DATA_REQUEST:
            return []
        return self._kept(received, decoded, confirm=False)

    # What reactions are made of.

    def _begin(self) -> list[Effect]:
        """Ask for the device's attributes, and for what it has stored."""
        stores = [
            handle
            for handle, item in (self.agent.objects or {}).items()
            if item.class_id == CLASS_PM_STORE
        ]
        self._wanted.append(Get(0, ()))
        self._wanted.extend(
            ConfirmedAction(handle, segments.GET_SEGMENT_INFO, segments.ALL_SEGMENTS)
            for handle in stores
        )
        request = None if self.agent.starts else reports.data_request(self.agent.request_modes)
        if request is not None:
            self._wanted.append(ConfirmedAction(0, reports.DATA_REQUEST, request))
        return self._ask()

    def _ask(self) -> list[Effect]:
        if self._pending is not None or not self._wanted:
            return []
        message = self._wanted.popleft()
        self._pending = (self._next_invoke, message)
        self._next_invoke = self._next_invoke % 0xFFFF + 1
        return [Send(apdu.encode(Data(self._pending[0], message)))]

    def _learn(self, received: Received, decoded: Data, asked: Any) -> None:
        """Add an answer to what is known; one that cannot be understood teaches nothing."""
        before = self.agent.segments
        try:
            self.agent = learn(self.agent, decoded, received.at)
        except MderError:
            return
        if isinstance(asked, Get):
            self._context["device"] = received
        elif self.agent.segments != before:
            self._context[f"segments {asked.handle}"] = received
            new = [key for key in self.agent.segments if key not in before][:_SEGMENTS_LIMIT]
            self._wanted.extend(
                ConfirmedAction(store, segments.TRIGGER_TRANSFER, number.to_bytes(2, "big"))
                for store, number in new
            )

    def _release_early(self, *, confirm: bool) -> list[Effect]:
        early, self._early = self._early, []
        return [
            effect
            for received, decoded in early
            for effect in self._kept(received, decoded, confirm=confirm)
        ]

    def _kept(self, received: Received, decoded: Data, *, confirm: bool) -> list[Effect]:
        names = ["association", "configuration", "device"]
        if decoded.message.type == segments.SEGMENT_DATA:
            names.append(f"segments {decoded.message.handle}")
        parts = [self._context[name] for name in names if name in self._context]
        kept = Keep(write([*parts, received]))
        if not confirm or not isinstance(decoded.message, ConfirmedEventReport):
            return [kept]
        return [kept, self._confirmed(decoded, _reply(decoded.message))]

    def _confirmed(self, decoded: Data, reply: bytes) -> Send:
        message = decoded.message
        result = EventReportResult(message.handle, NO_RELATIVE_TIME, message.type, reply)
        return Send(apdu.encode(replace(decoded, message=result)))


_EVENTS = {
    AssociationResponse: Event.AARE,
    apdu.ReleaseRequest: Event.RLRQ,
    apdu.ReleaseResponse: Event.RLRE,
    apdu.Abort: Event.ABRT,
}


def _reply(report: EventReport) -> bytes:
    """What the confirmation of a report says."""
    if report.type != segments.SEGMENT_DATA:
        return b""
    try:
        return segments.confirmation(segments.DATA.decode(report.info))
    except MderError:
        return b""


def _data_event(message: Any) -> Event:
    if isinstance(message, EventReport):
        if message.type == configurations.NOTI_CONFIG:
            return Event.CONFIG_REPORT
        known = message.type in reports.REPORTS or message.type == segments.SEGMENT_DATA
        return Event.REPORT if known else Event.REQUEST
    requests = (Get, apdu.Set)
    plain_action = isinstance(message, apdu.Action) and not isinstance(message, ActionResult)
    return Event.REQUEST if isinstance(message, requests) or plain_action else Event.RESPONSE
