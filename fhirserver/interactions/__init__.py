"""The interactions of the RESTful API, one file each; no HTTP, no SQL.

Spec: https://hl7.org/fhir/R4/http.html

    read.py             read(services, auth, type, id, query)
    vread.py            vread(services, auth, type, id, version, query)
    create.py           create(services, auth, type, content, options)
    update.py           update(services, auth, type, id, content, options)
                        update_conditional(services, auth, type, query, content, options)
    patch.py            patch(services, auth, type, id, document, options)
                        patch_conditional(services, auth, type, query, document, options)
    delete.py           delete(services, auth, type, id, options)
                        delete_conditional(services, auth, type, query, options)
    search_type.py      search_type(services, auth, type, query)
    search_system.py    search_system(services, auth, query)
    search_compartment.py
                        search_compartment(services, auth, compartment, id, type, query)
    history_instance.py history_instance(services, auth, type, id, query)
    history_type.py     history_type(services, auth, type, query)
    history_system.py   history_system(services, auth, query)
    transaction.py      transaction(services, auth, bundle, options)      batches too
    capabilities.py     capabilities(services, auth, query)
    accept.py           accept(services, auth, kind, parameters, resource, prefer)   of operations

Each asks `services.policy` first and gives back a `Result`, or raises a `FhirError`. `type` is a
type that the server stores, `id` a well-formed id: whoever routes has checked both. `content` and
`bundle` are parsed JSON of any shape. Conditional reads (304) compare `Result.stored` with the
headers and belong to whoever speaks HTTP.
"""

from fhirserver.interactions.types import (
    Handling,
    Level,
    OfferedOperation,
    Patch,
    Preference,
    Query,
    Result,
    Services,
    WriteOptions,
)

__all__ = [
    "Handling",
    "Level",
    "OfferedOperation",
    "Patch",
    "Preference",
    "Query",
    "Result",
    "Services",
    "WriteOptions",
]
