"""What the library sdc11073 holds of a provider, as an update; only here are its objects known.

Spec: IEEE 11073-10207, 5.2 (containment tree), 5.3 (contexts), 5.4 (states of metrics)
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

from fhirserver_device_bridge.protocols.sdc.update import (
    Code,
    Component,
    Metric,
    Person,
    Place,
    Update,
)

_KINDS: dict[str, Literal["mds", "vmd", "channel"]] = {
    "MdsDescriptor": "mds",
    "VmdDescriptor": "vmd",
    "ChannelDescriptor": "channel",
}
_ASSOCIATED = "Assoc"


def update_of(mdib: Any, states: Iterable[Any], device: str, received: datetime) -> Update | None:
    """Make an update of some states.

    Args:
        mdib: the library's copy of what the provider has.
        states: of metrics; others, waveforms and those without a value are passed over.
        device: endpoint reference of the provider, a URI.
        received: aware.

    Returns:
        None where no state has anything to say.
    """
    metrics = tuple(_metric(mdib, state, device) for state in states if _has_value(state))
    if not metrics:
        return None
    about = _about(mdib)
    return Update(
        device=device,
        received=received,
        metrics=metrics,
        model=_first(about.ModelName) if about else None,
        manufacturer=_first(about.Manufacturer) if about else None,
        serial_number=next(iter(about.SerialNumber), None) if about else None,
        patient=tuple(_patient(mdib)),
        location=_location(mdib),
    )


def all_metrics(mdib: Any) -> list[Any]:
    """Give the states of all metrics, as they are now."""
    return [state for state in mdib.states.objects if state.is_metric_state]


def _has_value(state: Any) -> bool:
    is_waveform = state.is_realtime_sample_array_metric_state
    return bool(state.is_metric_state and not is_waveform and state.MetricValue is not None)


def _metric(mdib: Any, state: Any, device: str) -> Metric:
    descriptor = _descriptor(mdib, state.DescriptorHandle)
    value, quality = state.MetricValue, state.MetricValue.MetricQuality
    determined = value.DeterminationTime
    is_number = descriptor.NODETYPE.localname == "NumericMetricDescriptor"
    said = None if value.Value is None else str(value.Value)
    return Metric(
        handle=state.DescriptorHandle,
        code=_code(descriptor.Type),
        path=tuple(reversed(list(_around(mdib, descriptor, device)))),
        number=format(value.Value, "f") if is_number and said is not None else None,
        text=None if is_number else said,
        concept=None if is_number else _concept(descriptor, said),
        unit=_code(descriptor.Unit) if is_number else None,
        determined=datetime.fromtimestamp(determined, UTC) if determined else None,
        validity=quality.Validity.value,
        mode=quality.Mode.value if quality.Mode else "Real",
    )


def _descriptor(mdib: Any, handle: str) -> Any:
    return mdib.descriptions.handle.get_one(handle)


def _around(mdib: Any, descriptor: Any, device: str) -> Iterator[Component]:
    """Give the devices around a descriptor, the innermost first."""
    while descriptor.parent_handle is not None:
        descriptor = _descriptor(mdib, descriptor.parent_handle)
        kind = _KINDS[descriptor.NODETYPE.localname]
        yield Component(
            kind=kind,
            handle=descriptor.Handle,
            code=_optional(descriptor.Type),
            identifier=_identifier(mdib, descriptor.Handle, device) if kind == "mds" else None,
        )


def _identifier(mdib: Any, handle: str, device: str) -> str:
    """Name a system: as its provider, with its handle where the provider has several."""
    return device if len(_systems(mdib)) == 1 else f"{device}#{handle}"


def _systems(mdib: Any) -> list[Any]:
    found = mdib.descriptions.objects
    return [each for each in found if each.NODETYPE.localname == "MdsDescriptor"]


def _about(mdib: Any) -> Any:
    """Give what the one system says of itself; None where there are several."""
    systems = _systems(mdib)
    return systems[0].MetaData if len(systems) == 1 else None


def _first(texts: Iterable[Any]) -> str | None:
    return next((str(each.text) for each in texts if each.text), None)


def _optional(coded: Any) -> Code | None:
    return None if coded is None else _code(coded)


def _code(coded: Any) -> Code:
    return Code(str(coded.Code), str(coded.CodingSystem or ""), coded.SymbolicCodeName)


def _concept(descriptor: Any, said: str | None) -> Code | None:
    """Give the concept that an enumeration's value stands for."""
    allowed = getattr(descriptor, "AllowedValue", ())
    return next((_optional(each.Type) for each in allowed if each.Value == said), None)


def _associated(mdib: Any, kind: str) -> Iterator[Any]:
    for state in mdib.context_states.objects:
        association = state.ContextAssociation
        is_associated = association is not None and association.value == _ASSOCIATED
        if is_associated and state.NODETYPE.localname == kind:
            yield state


def _patient(mdib: Any) -> Iterator[Person]:
    for state in _associated(mdib, "PatientContextState"):
        for each in state.Identification:
            if each.Extension:
                yield Person(each.Extension, each.Root or "")


def _location(mdib: Any) -> Place | None:
    for state in _associated(mdib, "LocationContextState"):
        at = state.LocationDetail
        if at is not None:
            return Place(at.PoC, at.Room, at.Bed, at.Facility)
    return None
