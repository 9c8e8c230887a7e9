"""Which pages of other origins may call the API: those of registered applications.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support
"""

import re
import time
from collections.abc import Callable

from fhirserver.smart import clients
from fhirserver.store.database import Database

REMEMBERED_S = 10.0
_REMEMBERED_MAX = 1000
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.:\[\]-]{1,253}", re.ASCII)


class RegisteredOrigins:
    """The origins of applications, as they were REMEMBERED_S ago at most.

    Only who may read answers in a browser depends on it; every call needs its token all the same.

    Args:
        database: where applications are registered.
        clock: seconds, monotonic.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[float, bool]] = {}

    def __contains__(self, origin: object) -> bool:
        """Whether an application that may be used has registered an origin."""
        if not isinstance(origin, str) or _ORIGIN.fullmatch(origin) is None:
            return False
        now = self._clock()
        known = self._known.get(origin)
        if known is None or now - known[0] > REMEMBERED_S:
            if len(self._known) >= _REMEMBERED_MAX:
                self._known.clear()
            known = self._known[origin] = (now, clients.has_origin(self._database, origin))
        return known[1]
