"""One message's way to the server.

    1. its patient is looked for; without exactly one it is held
    2. its transaction creates what is not there yet, and answers with what is
    3. what it says newer is written over what is older, if the server has anything older


at once, comes to the same.
"""

from typing import Any
from urllib.parse import unquote

from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.fhir.json_text import JsonObject, encode
from fhirserver_device_bridge.fhir.precedence import overtaking
from fhirserver_device_bridge.sender.fhir_client import Answer, FhirClient, UnreachableError
from fhirserver_device_bridge.sender.judgement import Judgement, judge

_DONE = Judgement("done")


def deliver(conversion: Conversion, client: FhirClient) -> Judgement:
    """Bring what a message says to the server, and tell what became of it."""
    if conversion.rejected is not None:
        return Judgement("dead", conversion.rejected)
    if conversion.held is not None:
        return Judgement("held", conversion.held)
    if conversion.bundle is None:
        return _DONE
    try:
        return _of_patient(conversion.patient, client) or _written(conversion.bundle, client)
    except UnreachableError as error:
        return Judgement("later", str(error))


def _of_patient(search: str | None, client: FhirClient) -> Judgement | None:
    """Look for the patient; None where there is one, and the message may go on."""
    if search is None:
        return None
    resource_type, _, condition = search.partition("?")
    name, _, value = condition.partition("=")
    answer = client.search(resource_type, {name: unquote(value), "_count": "2"})
    if answer.status != 200:
        return judge(answer)
    matches = [each for each in _entries(answer) if _mode(each) == "match"]
    if len(matches) == 1:
        return None
    return Judgement("held", "patient ambiguous: several have it" if matches else _UNKNOWN)


_UNKNOWN = "patient unknown: the server has none with this identifier"


def _written(bundle: JsonObject, client: FhirClient) -> Judgement:
    answer = client.transaction(encode(bundle))
    judgement = judge(answer)
    if judgement.verdict != "done":
        return judgement
    if len(_entries(answer)) != len(bundle["entry"]):
        return Judgement("again", "the server's answer does not tell of every entry")
    newer = overtaking(bundle, answer.resource())
    return _DONE if newer is None else judge(client.transaction(encode(newer)))


def _entries(answer: Answer) -> list[dict[str, Any]]:
    entries = answer.resource().get("entry", [])
    return entries if isinstance(entries, list) else []


def _mode(entry: dict[str, Any]) -> str:
    return str(entry.get("search", {}).get("mode", "match"))
