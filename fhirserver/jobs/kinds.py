"""The table of what jobs there are."""

from collections.abc import Mapping

from fhirserver.interactions import Services
from fhirserver.interactions.accept import TEST_RUN
from fhirserver.interactions.deferred import ASYNC
from fhirserver.jobs.async_request import async_kind
from fhirserver.jobs.job_runner import Kind
from fhirserver.jobs.test_run import test_run_kind


def make_kinds(services: Services) -> Mapping[str, Kind]:
    """Give every kind of job by its name in the table of jobs."""
    return {ASYNC: async_kind(services), TEST_RUN: test_run_kind(services)}
