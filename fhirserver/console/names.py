"""Names for what pages refer to, as far as whoever looks may read them."""

from typing import cast

from flask import g

from fhirserver.console.caller import CLIENT, caller
from fhirserver.console.signed_in import services_here
from fhirserver.errors import FhirError
from fhirserver.identity import accounts
from fhirserver.interactions.read import read
from fhirserver.model.json import parse_json
from fhirserver.model.reference import is_id
from fhirserver.smart import clients
from fhirserver.smart.pickers import patient_words

_ACCOUNT = "account:"


def name_of(reference: str) -> str:
    """Name a person by the resource that stands for it, e.g. "Practitioner/7".

    Returns:
        The reference itself where there is no such resource, or not for whoever looks.
    """
    known = cast("dict[str, str]", g.setdefault("names", {}))
    if reference not in known:
        known[reference] = _read_name(reference)
    return known[reference]


def actor_name(actor: str) -> str:
    """Name who did something, as the audit trail has it: a resource, an account, or a client."""
    if actor.startswith(_ACCOUNT):
        account = accounts.find(services_here().database, actor.removeprefix(_ACCOUNT))
        return actor if account is None else f"{account.name} ({account.role})"
    return name_of(actor) if "/" in actor else client_name(actor)


def client_name(client_id: str) -> str:
    """Name an application, or these pages; its id where it is not registered any more."""
    if client_id == CLIENT:
        return "these pages"
    client = clients.find(services_here().database, client_id)
    return client_id if client is None else client.name


def _read_name(reference: str) -> str:
    type_, _, id_ = reference.partition("/")
    services = services_here()
    if type_ not in services.definitions.resource_types or not is_id(id_):
        return reference
    try:
        body = read(services, caller(), type_, id_).body
    except FhirError:
        return reference
    resource = parse_json(body or b"{}")
    is_person = isinstance(resource.get("name"), list)
    return patient_words(resource) if is_person else reference
