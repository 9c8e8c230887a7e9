"""Association, as the manager's state table.

Spec: IEEE 11073-20601, clause 8.4.2 and annex E (manager state table; row numbers in comments)

    disconnected -> unassociated -> operating                      a configuration that is known
                                 -> waiting for configuration -> checking configuration -> operating
    any associated state -> disassociating -> unassociated         the manager releases
"""

from enum import Enum, auto
from typing import NamedTuple


class State(Enum):
    """States of the manager."""

    DISCONNECTED = auto()
    UNASSOCIATED = auto()
    WAITING_FOR_CONFIG = auto()
    CHECKING_CONFIG = auto()
    OPERATING = auto()
    DISASSOCIATING = auto()


class Event(Enum):
    """What happens to the manager; names of the APDUs as in `apdu`."""

    CONNECTED = auto()
    CONNECTION_LOST = auto()
    TIMEOUT = auto()
    RELEASE_WANTED = auto()
    AARQ_KNOWN = auto()
    AARQ_UNKNOWN = auto()
    AARQ_UNACCEPTABLE = auto()
    AARE = auto()
    RLRQ = auto()
    RLRE = auto()
    ABRT = auto()
    CONFIG_REPORT = auto()
    REPORT = auto()
    REQUEST = auto()
    RESPONSE = auto()
    MALFORMED = auto()
    CONFIG_ACCEPTED = auto()
    CONFIG_REFUSED = auto()


class Reaction(Enum):
    """What the manager does about it."""

    NOTHING = auto()
    ACCEPT = auto()
    ACCEPT_UNKNOWN = auto()
    REJECT = auto()
    ABORT = auto()
    RELEASE = auto()
    CONFIRM_RELEASE = auto()
    CHECK = auto()
    ANSWER_CONFIG = auto()
    REFUSE = auto()
    TAKE = auto()
    PAIR = auto()


class Transition(NamedTuple):
    """The state that follows, and what is done on the way."""

    state: State
    reaction: Reaction


_S, _E, _R = State, Event, Reaction
_AARQ = (_E.AARQ_KNOWN, _E.AARQ_UNKNOWN, _E.AARQ_UNACCEPTABLE)
_ASSOCIATED = (_S.WAITING_FOR_CONFIG, _S.CHECKING_CONFIG, _S.OPERATING, _S.DISASSOCIATING)
_Row = dict[tuple[State, Event], Transition]


def _same(state: State, reaction: Reaction, *events: Event) -> _Row:
    return {(state, event): Transition(state, reaction) for event in events}


def _into(state: State, after: State, reaction: Reaction, *events: Event) -> _Row:
    return {(state, event): Transition(after, reaction) for event in events}


def _associated(state: State) -> _Row:
    """Rows that all associated states share."""
    return {
        **_into(state, _S.DISCONNECTED, _R.NOTHING, _E.CONNECTION_LOST),  # x.2
        **_into(state, _S.UNASSOCIATED, _R.ABORT, _E.TIMEOUT, _E.MALFORMED),  # x.4
        **_into(state, _S.UNASSOCIATED, _R.ABORT, *_AARQ, _E.AARE, _E.RLRE),  # x.8, x.12, x.17
        **_into(state, _S.UNASSOCIATED, _R.CONFIRM_RELEASE, _E.RLRQ),  # x.16
        **_into(state, _S.UNASSOCIATED, _R.NOTHING, _E.ABRT),  # x.18
        **_into(state, _S.DISASSOCIATING, _R.RELEASE, _E.RELEASE_WANTED),  # x.6
    }


_CHANGES: _Row = {
    **_into(_S.DISCONNECTED, _S.UNASSOCIATED, _R.NOTHING, _E.CONNECTED),  # 1.1
    **_into(_S.UNASSOCIATED, _S.DISCONNECTED, _R.NOTHING, _E.CONNECTION_LOST),  # 2.2
    **_into(_S.UNASSOCIATED, _S.OPERATING, _R.ACCEPT, _E.AARQ_KNOWN),  # 2.9
    **_into(_S.UNASSOCIATED, _S.WAITING_FOR_CONFIG, _R.ACCEPT_UNKNOWN, _E.AARQ_UNKNOWN),  # 2.10
    **_same(_S.UNASSOCIATED, _R.REJECT, _E.AARQ_UNACCEPTABLE),  # 2.11
    **_same(_S.UNASSOCIATED, _R.ABORT, _E.AARE, _E.RLRQ, _E.MALFORMED),  # 2.12, 2.16
    **_same(
        _S.UNASSOCIATED, _R.ABORT, _E.CONFIG_REPORT, _E.REPORT, _E.REQUEST, _E.RESPONSE
    ),  # 2.19
    **{key: value for state in _ASSOCIATED for key, value in _associated(state).items()},
    **_into(_S.WAITING_FOR_CONFIG, _S.CHECKING_CONFIG, _R.CHECK, _E.CONFIG_REPORT),  # 6.24
    **_same(_S.WAITING_FOR_CONFIG, _R.REFUSE, _E.REPORT, _E.REQUEST),  # 6.25
    **_same(_S.WAITING_FOR_CONFIG, _R.PAIR, _E.RESPONSE),  # 6.26
    **_same(_S.CHECKING_CONFIG, _R.REFUSE, _E.CONFIG_REPORT, _E.REPORT, _E.REQUEST),  # 7.24, 7.25
    **_same(_S.CHECKING_CONFIG, _R.PAIR, _E.RESPONSE),  # 7.26
    **_into(_S.CHECKING_CONFIG, _S.WAITING_FOR_CONFIG, _R.ANSWER_CONFIG, _E.CONFIG_REFUSED),  # 7.31
    **_into(_S.CHECKING_CONFIG, _S.OPERATING, _R.ANSWER_CONFIG, _E.CONFIG_ACCEPTED),  # 7.32
    **_same(_S.OPERATING, _R.TAKE, _E.REPORT),  # 8.21
    **_same(_S.OPERATING, _R.REFUSE, _E.CONFIG_REPORT, _E.REQUEST),  # 8.21
    **_same(_S.OPERATING, _R.PAIR, _E.RESPONSE),  # 8.26
    **_into(_S.DISASSOCIATING, _S.UNASSOCIATED, _R.NOTHING, _E.RLRE),  # 9.17
    **_same(_S.DISASSOCIATING, _R.CONFIRM_RELEASE, _E.RLRQ),  # 9.16
    **_same(_S.DISASSOCIATING, _R.NOTHING, _E.RELEASE_WANTED),  # 9.6
    **_same(_S.DISASSOCIATING, _R.NOTHING, _E.CONFIG_REPORT, _E.REPORT, _E.REQUEST),  # 9.21
    **_into(_S.DISASSOCIATING, _S.UNASSOCIATED, _R.ABORT, _E.RESPONSE),  # 9.26
}

TABLE: _Row = {
    (state, event): _CHANGES.get((state, event), Transition(state, Reaction.NOTHING))
    for state in State
    for event in Event
}
"""Every state and event; what the standard does not name changes nothing."""
