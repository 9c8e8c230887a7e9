"""batch: entries that have nothing to do with each other, each as if it had come alone.

Spec: https://hl7.org/fhir/R4/http.html#brules

An entry that fails is answered with its error, one that nobody foresaw included: the others are
stored, and their callers must learn of that.
"""

from dataclasses import replace
from functools import partial

from fhirserver.access import AuthContext
from fhirserver.errors import FhirError
from fhirserver.interactions.batch_once import answer_once
from fhirserver.interactions.bundle import bundle_json
from fhirserver.interactions.bundle_request import perform
from fhirserver.interactions.failed_entry import failed_entry
from fhirserver.interactions.memory import Memory
from fhirserver.interactions.transaction_entries import (
    Entry,
    bundle_entries,
    parse_entry,
    processing_order,
)
from fhirserver.interactions.transaction_response import error_entry, result_entry
from fhirserver.interactions.types import Result, Services, WriteOptions
from fhirserver.model.json import JsonObject


def batch(
    services: Services,
    auth: AuthContext,
    bundle: JsonObject,
    options: WriteOptions,
    memory: Memory | None = None,
) -> Result:
    """Run every entry that is not done yet; the answer is 200 whatever becomes of them.

    Args:
        services: what interactions work with.
        auth: the caller; asked for again entry by entry.
        bundle: of type batch.
        options: `prefer`, and `provenance`, which each entry that writes is stored with.
        memory: of a batch that may be taken up again.

    Raises:
        InvalidRequestError: the Bundle has no list of entries.
    """
    base_url = services.settings.public_url
    answers = {} if memory is None else memory.recall()
    answer = _answer if memory is None else partial(answer_once, memory=memory)
    entries: list[Entry] = []
    raw_entries = bundle_entries(bundle)
    for index, raw in enumerate(raw_entries):
        try:
            entry = parse_entry(
                index, raw, services.definitions, base_url, options.prefer or "minimal"
            )
            entries.append(_with_provenance(entry, options))
        except FhirError as error:
            answers[index] = error_entry(error)
    for entry in processing_order(entries):
        if entry.index not in answers:
            answers[entry.index] = answer(services, auth, entry)
    ordered = (answers[index] for index in range(len(raw_entries)))
    return Result(200, body=bundle_json("batch-response", ordered))


def _with_provenance(entry: Entry, options: WriteOptions) -> Entry:
    if options.provenance is None or entry.method in ("GET", "HEAD"):
        return entry
    return replace(entry, options=replace(entry.options, provenance=options.provenance))


def _answer(services: Services, auth: AuthContext, entry: Entry) -> bytes:
    try:
        result = perform(services, auth, entry)
        return result_entry(entry, result, services.settings.public_url)
    except Exception as error:  # noqa: BLE001 - the edge of an entry: every failure is its answer
        return failed_entry(services, auth, entry, error)
