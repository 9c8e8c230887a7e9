"""DEV-16: the manager's state table."""

import pytest

from fhirserver_device_bridge.protocols.x20601.states import TABLE, Event, Reaction, State

S, E, R = State, Event, Reaction


def test_every_event_in_every_state_is_answered() -> None:
    assert len(TABLE) == len(State) * len(Event)


# State, events one after the other -> state, reaction to the last.
PATHS = {
    "known configuration": (S.UNASSOCIATED, [E.AARQ_KNOWN], S.OPERATING, R.ACCEPT),
    "unknown configuration": (
        *(S.UNASSOCIATED, [E.AARQ_UNKNOWN, E.CONFIG_REPORT, E.CONFIG_ACCEPTED]),
        *(S.OPERATING, R.ANSWER_CONFIG),
    ),
    "refused configuration, then another": (
        *(S.UNASSOCIATED, [E.AARQ_UNKNOWN, E.CONFIG_REPORT, E.CONFIG_REFUSED, E.CONFIG_REPORT]),
        *(S.CHECKING_CONFIG, R.CHECK),
    ),
    "not acceptable": (S.UNASSOCIATED, [E.AARQ_UNACCEPTABLE], S.UNASSOCIATED, R.REJECT),
    "report before association": (S.UNASSOCIATED, [E.REPORT], S.UNASSOCIATED, R.ABORT),
    "release before association": (S.UNASSOCIATED, [E.RLRQ], S.UNASSOCIATED, R.ABORT),
    "report before configuration": (
        *(S.WAITING_FOR_CONFIG, [E.REPORT]),
        *(S.WAITING_FOR_CONFIG, R.REFUSE),
    ),
    "configuration that does not come": (
        *(S.WAITING_FOR_CONFIG, [E.TIMEOUT]),
        *(S.UNASSOCIATED, R.ABORT),
    ),
    "report": (S.OPERATING, [E.REPORT, E.REPORT], S.OPERATING, R.TAKE),
    "second association": (S.OPERATING, [E.AARQ_KNOWN], S.UNASSOCIATED, R.ABORT),
    "agent releases": (S.OPERATING, [E.RLRQ], S.UNASSOCIATED, R.CONFIRM_RELEASE),
    "agent aborts": (S.OPERATING, [E.ABRT], S.UNASSOCIATED, R.NOTHING),
    "answer to a release that was not wanted": (
        *(S.OPERATING, [E.RLRE]),
        *(S.UNASSOCIATED, R.ABORT),
    ),
    "manager releases": (
        *(S.OPERATING, [E.RELEASE_WANTED, E.REPORT, E.RLRE]),
        *(S.UNASSOCIATED, R.NOTHING),
    ),
    "both release": (S.DISASSOCIATING, [E.RLRQ], S.DISASSOCIATING, R.CONFIRM_RELEASE),
    "cable pulled": (S.OPERATING, [E.CONNECTION_LOST], S.DISCONNECTED, R.NOTHING),
    "and back": (S.OPERATING, [E.CONNECTION_LOST, E.CONNECTED], S.UNASSOCIATED, R.NOTHING),
    "malformed": (S.OPERATING, [E.MALFORMED], S.UNASSOCIATED, R.ABORT),
}


@pytest.mark.parametrize(
    ("start", "events", "end", "reaction"),
    [pytest.param(*row, id=name) for name, row in PATHS.items()],
)
def test_a_path(start: State, events: list[Event], end: State, reaction: Reaction) -> None:
    state, last = start, Reaction.NOTHING
    for event in events:
        state, last = TABLE[state, event]
    assert (state, last) == (end, reaction)


def test_only_a_device_with_a_known_configuration_is_heard() -> None:
    assert {state for (state, _), found in TABLE.items() if found.reaction is R.TAKE} == {
        S.OPERATING
    }
