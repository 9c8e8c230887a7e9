"""transaction: all entries or none, in one database transaction.

Spec: https://hl7.org/fhir/R4/http.html#trules

    before it    take the entries apart, ask the policy, give ids, validate, find links
    inside it    lock conditions (sorted), resolve them, fill in links, extract index rows,
                 write everything in one apply, run the GETs over the same connection

What is inside may run again after a conflict: it starts from the entries as sent.
"""

from collections.abc import Mapping

from fhirserver.access import AuthContext
from fhirserver.interactions.bundle import bundle_json
from fhirserver.interactions.memory import Memory
from fhirserver.interactions.transaction_attempt import Attempt
from fhirserver.interactions.transaction_entries import (
    Entry,
    bundle_entries,
    parse_entry,
)
from fhirserver.interactions.transaction_plan import TransactionPlan, plan_transaction
from fhirserver.interactions.transaction_response import result_entry
from fhirserver.interactions.types import Preference, Result, Services
from fhirserver.model.json import JsonObject
from fhirserver.store.write import WriteSession, run_write


def run_transaction(
    services: Services,
    auth: AuthContext,
    bundle: JsonObject,
    prefer: Preference,
    memory: Memory | None = None,
) -> Result:
    """Run a transaction Bundle.

    Raises:
        FhirError: the first thing that is wrong, or all that validation finds; the issues name
            the entries, and nothing is stored.
    """
    plan = plan_transaction(services, auth, _entries(services, bundle, prefer))

    def attempt(session: WriteSession) -> dict[int, Result]:
        results = Attempt(services, auth, plan, session).run()
        if memory is not None:
            memory.conclude(session, _answer(services, plan, results))
        return results

    return _answer(services, plan, run_write(services.database, attempt))


def _answer(services: Services, plan: TransactionPlan, results: Mapping[int, Result]) -> Result:
    base_url = services.settings.public_url
    answers = (result_entry(entry, results[entry.index], base_url) for entry in plan.entries)
    return Result(200, body=bundle_json("transaction-response", answers))


def _entries(services: Services, bundle: JsonObject, prefer: Preference) -> list[Entry]:
    base_url = services.settings.public_url
    return [
        parse_entry(index, raw, services.definitions, base_url, prefer)
        for index, raw in enumerate(bundle_entries(bundle))
    ]
