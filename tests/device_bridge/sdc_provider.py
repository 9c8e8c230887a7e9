"""A monitor that speaks SDC, for tests: the library's own provider, in a process of its own.

    python -m tests.device_bridge.sdc_provider PORT [KEY CERTIFICATE AUTHORITY]

It prints "ready URL". Each line of its input is a report of metrics, each a handle and a value, or
"-" for none, and its validity: "sys 120, dia 80", "sat - NA".
"""

from __future__ import annotations

import sys
import time
import uuid
from decimal import Decimal
from functools import partial
from pathlib import Path

from sdc11073.certloader import mk_ssl_contexts
from sdc11073.definitions_sdc import SdcV1Definitions
from sdc11073.httpserver import httpserverimpl
from sdc11073.mdib import ProviderMdib
from sdc11073.provider import SdcProvider
from sdc11073.xml_types import pm_types
from sdc11073.xml_types.dpws_types import ThisDeviceType, ThisModelType

EPR = uuid.UUID("8f9c7f3a-2f3c-4d0b-9a63-0d6c9b1f7e10")
_METRIC = """
<pm:Metric xsi:type="pm:NumericMetricDescriptor" Handle="{handle}" MetricCategory="Msrmt"
    MetricAvailability="Cont" Resolution="1">
  <pm:Type Code="{code}" SymbolicCodeName="{name}"/>
  <pm:Unit Code="{unit}" SymbolicCodeName="{unit_name}"/>
</pm:Metric>"""
_METRICS = (
    ("sat", "150456", "MDC_PULS_OXIM_SAT_O2", "262688", "MDC_DIM_PERCENT"),
    ("sys", "150021", "MDC_PRESS_BLD_NONINV_SYS", "266016", "MDC_DIM_MMHG"),
    ("dia", "150022", "MDC_PRESS_BLD_NONINV_DIA", "266016", "MDC_DIM_MMHG"),
)
_MDIB = """<?xml version="1.0" encoding="UTF-8"?>
<msg:GetMdibResponse xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:pm="http://standards.ieee.org/downloads/11073/11073-10207-2017/participant"
  xmlns:msg="http://standards.ieee.org/downloads/11073/11073-10207-2017/message"
  MdibVersion="1" SequenceId="urn:uuid:{sequence}">
<msg:Mdib MdibVersion="1" SequenceId="urn:uuid:{sequence}">
<pm:MdDescription DescriptionVersion="0">
<pm:Mds Handle="mds0" SafetyClassification="MedA">
  <pm:Type Code="69965" SymbolicCodeName="MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS"/>
  <pm:MetaData>
    <pm:Manufacturer>Example</pm:Manufacturer>
    <pm:ModelName>M1</pm:ModelName>
    <pm:SerialNumber>S-1</pm:SerialNumber>
  </pm:MetaData>
  <pm:SystemContext Handle="context" SafetyClassification="Inf">
    <pm:PatientContext Handle="patient" SafetyClassification="Inf"/>
    <pm:LocationContext Handle="location" SafetyClassification="Inf"/>
  </pm:SystemContext>
  <pm:Vmd Handle="vmd0"><pm:Type Code="69854"/>
    <pm:Channel Handle="chan0"><pm:Type Code="69855"/>{metrics}</pm:Channel>
  </pm:Vmd>
</pm:Mds>
</pm:MdDescription>
</msg:Mdib>
</msg:GetMdibResponse>"""


class _Unannounced:
    """Stands where a provider announces itself: those of the tests are known by their address."""

    active_address = "127.0.0.1"

    def publish_service(self, *_arguments: object) -> None:
        """Tell nobody."""

    def clear_service(self, *_arguments: object) -> None:
        """Tell nobody."""


def main(port: int, *files: str) -> None:
    """Serve until the input ends."""
    # The library's provider takes another port each time; a device in a ward keeps its own.
    own = httpserverimpl._ThreadingHTTPServer
    own.allow_reuse_address = True
    httpserverimpl._ThreadingHTTPServer = partial(_at, own, port)
    tls = mk_ssl_contexts(*map(Path, files)) if files else None
    metrics = "".join(
        _METRIC.format(handle=handle, code=code, name=name, unit=unit, unit_name=unit_name)
        for handle, code, name, unit, unit_name in _METRICS
    )
    text = _MDIB.format(sequence=uuid.uuid4(), metrics=metrics)
    mdib = ProviderMdib.from_string(text.encode(), SdcV1Definitions)
    provider = SdcProvider(
        _Unannounced(),
        ThisModelType(manufacturer="Example", model_name="M1"),
        ThisDeviceType(friendly_name="Monitor", serial_number="S-1"),
        mdib,
        epr=EPR,
        ssl_context_container=tls,
    )
    provider.start_all(start_rtsample_loop=False)
    _associate(mdib)
    print("ready", f"{provider.base_urls[0].geturl()}", flush=True)
    for line in sys.stdin:
        _set(mdib, line.split(","))
    provider.stop_all()


def _at(own: type, port: int, logger: object, _address: object, *more: object) -> object:
    return own(logger, ("127.0.0.1", port), *more)


def _associate(mdib: ProviderMdib) -> None:
    with mdib.context_state_transaction() as transaction:
        patient = transaction.mk_context_state("patient", set_associated=True)
        patient.Identification = [
            pm_types.InstanceIdentifier(root="urn:oid:1.2.3", extension_string="12345")
        ]
        location = transaction.mk_context_state("location", set_associated=True)
        location.LocationDetail = pm_types.LocationDetail(poc="ICU", room="2", bed="B1")


def _set(mdib: ProviderMdib, metrics: list[str]) -> None:
    """Report some metrics together, all measured now."""
    now = time.time()
    with mdib.metric_state_transaction() as transaction:
        for metric in metrics:
            handle, value, *validity = metric.split()
            state = transaction.get_state(handle)
            if state.MetricValue is None:
                state.mk_metric_value()
            state.MetricValue.Value = None if value == "-" else Decimal(value)
            state.MetricValue.DeterminationTime = now
            said = pm_types.MeasurementValidity(validity[0] if validity else "Vld")
            state.MetricValue.MetricQuality.Validity = said


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
