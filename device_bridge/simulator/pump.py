"""An infusion pump that reports alarms by PCD-04; the same seed says the same.

Spec: IHE Devices Technical Framework volume 2, section 3.4 (ORU^R40 of PCD-04)

Each alarm is three messages: its start, an escalation, and its end, which name it by their parent.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from fhirserver_device_bridge.simulator.monitor import Message

_PROFILE = "||UNICODE UTF-8|||IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4^ISO"
_EVENTS = (
    "196940^MDC_EVT_FLUID_LINE_OCCL^MDC^^^^^^Occlusion",
    "196680^MDC_EVT_LEAD_OFF^MDC^^^^^^Lead off",
)
_PHASES = (("start", "active", "PM"), ("escalate", "active", "PH"), ("end", "inactive", "PH"))


def alarms(seed: int, count: int, start: datetime, patient: str) -> Iterator[Message]:
    """Make the messages of one pump, a second of its time apart.

    Args:
        seed: also makes the pump's EUI-64.
        count: of messages, three an alarm.
        start: time of the first, aware.
        patient: PID-3 as it is to stand there, e.g. "12345^^^Hospital^MR".
    """
    # Alarms of nobody; no secret hangs on them.
    chance = random.Random(seed)  # noqa: S311
    device = f"{0x00A0380000000000 + seed % 2**32:016X}"
    event = ""
    for number in range(count):
        if number % len(_PHASES) == 0:
            event = chance.choice(_EVENTS)
        at = start + timedelta(seconds=number)
        control_id = f"SIMA{seed}-{at:%Y%m%d%H%M%S}-{number + 1}"
        yield Message(control_id, _written(control_id, number, device, patient, at, event))


def _written(
    control_id: str, number: int, device: str, patient: str, at: datetime, event: str
) -> bytes:
    phase, state, priority = _PHASES[number % len(_PHASES)]
    first = number - number % len(_PHASES)
    sender = f"Simulator^{device}^EUI-64"
    time = f"{at:%Y%m%d%H%M%S%z}"
    parent = f"^A{first}&{sender.replace('^', '&')}" if number != first else ""
    named = f"{device}^Simulator^{device}^EUI-64"
    order = f"{control_id}^{sender}|A{number}^{sender}|196616^MDC_EVT_ALARM^MDC|||{time}"
    facets = (
        f"CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|{event}|||{priority}~ST|||F|||{time}||||{named}",
        "CWE|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.0.0.0.2|69985^MDC_DEV_PUMP_INFUS_MDS^MDC||||||F",
        f"ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|{phase}||||||F",
        f"ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.0.0.0.4|{state}||||||F",
        "ST|68483^MDC_ATTR_ALARM_INACTIVATION_STATE^MDC|1.0.0.0.5|enabled||||||F",
    )
    segments = [
        f"MSH|^~\\&|{sender}|Simulator|||{time}||ORU^R40^ORU_R40|{control_id}|P|2.6|||AL|NE{_PROFILE}",
        f"PID|||{patient}",
        "PV1||I|Ward^1^1",
        f"OBR|1|{order}{'|' * 22}{parent}",
        *(f"OBX|{position}|{facet}" for position, facet in enumerate(facets, 1)),
    ]
    return "".join(f"{segment}\r" for segment in segments).encode("utf-8")
