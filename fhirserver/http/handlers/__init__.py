"""One function per interaction: HTTP's words in, an interaction's arguments out.

`HANDLERS` is the whole table; routing names its keys.
"""

from collections.abc import Callable

from fhirserver.http.exchange import Exchange
from fhirserver.http.handlers.asynchronous import async_cancel, async_status, deferrable
from fhirserver.http.handlers.discovery import discovery
from fhirserver.http.handlers.history import history_instance, history_system, history_type
from fhirserver.http.handlers.keyed import keyed, unrecorded
from fhirserver.http.handlers.operation import operation
from fhirserver.http.handlers.read import read, vread
from fhirserver.http.handlers.search import search_compartment, search_system, search_type
from fhirserver.http.handlers.system import batch, capabilities, openapi, options
from fhirserver.http.handlers.write import (
    conditional_delete,
    conditional_patch,
    conditional_update,
    create,
    delete,
    patch,
    update,
)
from fhirserver.http.response import Response

_WRITES: dict[str, Callable[[Exchange], Response]] = {
    "batch": deferrable(batch),
    "conditional-delete": conditional_delete,
    "conditional-patch": conditional_patch,
    "conditional-update": conditional_update,
    "create": create,
    "delete": delete,
    "patch": patch,
    "update": update,
}
_OTHERS: dict[str, Callable[[Exchange], Response]] = {
    "async-cancel": async_cancel,
    "async-status": async_status,
    "capabilities": capabilities,
    "discovery": discovery,
    "history-instance": deferrable(history_instance),
    "history-system": deferrable(history_system),
    "history-type": deferrable(history_type),
    "openapi": openapi,
    "operation": keyed(operation),
    "options": options,
    "read": read,
    "search-compartment": deferrable(search_compartment),
    "search-system": deferrable(search_system),
    "search-type": deferrable(search_type),
    "vread": vread,
}
HANDLERS: dict[str, Callable[[Exchange], Response]] = {
    **{name: keyed(handler) for name, handler in _WRITES.items()},
    **{name: unrecorded(handler) for name, handler in _OTHERS.items()},
}
