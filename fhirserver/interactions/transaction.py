"""batch and transaction: the interaction on the base.

Spec: https://hl7.org/fhir/R4/http.html#transaction
"""

from fhirserver.access import AuthContext
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.batch import batch
from fhirserver.interactions.memory import Memory
from fhirserver.interactions.permit import permit
from fhirserver.interactions.provenance import recorded
from fhirserver.interactions.transaction_run import run_transaction
from fhirserver.interactions.types import Result, Services, WriteOptions
from fhirserver.model.json import JsonValue


def transaction(
    services: Services,
    auth: AuthContext,
    bundle: JsonValue,
    options: WriteOptions | None = None,
    memory: Memory | None = None,
) -> Result:
    """Process a Bundle as its type says.

    Args:
        services: what the interaction works with.
        auth: the caller; asked for again entry by entry.
        bundle: parsed JSON of any shape.
        options: `prefer`, without which the answer carries no resources but those of GETs, and
            `provenance`: one of all that a transaction writes, one of each entry of a batch.
        memory: of a Bundle that may be taken up again; None where its caller waits.

    Raises:
        InvalidRequestError: no Bundle of type batch or transaction.
        FhirError: a transaction that fails, as a whole; issues name the entries.
    """
    options = options or WriteOptions()
    prefer = options.prefer or "minimal"
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise InvalidRequestError(
            "The base takes a Bundle of type batch or transaction; other resources go to the "
            "address of their type.",
            expression=("resourceType",),
        )
    type_ = bundle.get("type")
    if type_ not in ("batch", "transaction"):
        raise InvalidRequestError(
            f"Bundle.type must be batch or transaction, not {type_!r}.",
            expression=("Bundle.type",),
        )
    permit(services, auth, type_, None)
    if type_ == "batch":
        return batch(services, auth, bundle, options, memory)
    return recorded(
        services,
        auth,
        options.provenance,
        lambda inside: run_transaction(inside, auth, bundle, prefer, memory),
    )
