"""TestScript/$run: run a script against this server, and store what comes of it.

Spec: https://hl7.org/fhir/R4/testscript.html; the operation is this server's own

The answer is 202: a TestReport that waits, at the address in Content-Location, and a job. The
report tells how it goes: waiting, in-progress, completed or stopped. To delete it is to cancel.

A fixture is contained in the script, or a resource of this server, which is read as the caller and
sent along. Files and other servers are out of reach of a script that runs here.
"""

from fhirserver.errors import InvalidRequestError, TooLargeError, UnprocessableError
from fhirserver.interactions import Result
from fhirserver.interactions.accept import TEST_RUN, accept
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import check, checked_type
from fhirserver.interactions.read import read
from fhirserver.model.instant import format_instant
from fhirserver.model.json import JsonObject, parse_json, write_json
from fhirserver.model.reference import parse_reference
from fhirserver.operations.parameters import read_parameters
from fhirserver.operations.types import Call, Operation

SCRIPT_LIMIT_BYTES = 2 * 1024 * 1024


def run(call: Call) -> Result:
    """Accept a script for running.

    Parameters read: resource (a TestScript), at the type only.

    Returns:
        202 and the TestReport, as preferred.

    Raises:
        InvalidRequestError: no script, or one at an instance too.
        UnprocessableError: the script breaks FHIR's rules, or a fixture is out of reach.
        NotFoundError: no such script or fixture, or not this caller's.
        TooLargeError: the script with its fixtures.
        ThrottledError: the caller has too many jobs already.
    """
    permit(call.services, call.auth, "run", "TestScript", call.id)
    script = _script(call)
    sent = write_json(_with_fixtures(call, script))
    if len(sent) > SCRIPT_LIMIT_BYTES:
        raise TooLargeError(
            f"A script may have {SCRIPT_LIMIT_BYTES} bytes with its fixtures, and this one has "
            f"{len(sent)}; divide it."
        )
    report = _waiting(call, script)
    parameters: JsonObject = {"script": sent.decode("utf-8")}
    return accept(call.services, call.auth, TEST_RUN, parameters, report, call.prefer)


_DOCUMENT: JsonObject = {
    "resourceType": "OperationDefinition",
    "name": "Run",
    "title": "Run a TestScript",
    "status": "active",
    "kind": "operation",
    "description": (
        "Runs a TestScript against this server, in the background. The answer is 202 with the "
        "address of a TestReport in Content-Location, whose status goes from waiting over "
        "in-progress to completed, or to stopped where there is no result; the report then says "
        "why. To delete the report is to cancel the run."
    ),
    "affectsState": True,
    "code": "run",
    "resource": ["TestScript"],
    "system": False,
    "type": True,
    "instance": True,
    "parameter": [
        {
            "name": "resource",
            "use": "in",
            "min": 0,
            "max": "1",
            "documentation": "The script; only, and always, where the operation is invoked on the "
            "type. Its fixtures are contained, or resources of this server.",
            "type": "TestScript",
        },
        {
            "name": "return",
            "use": "out",
            "min": 1,
            "max": "1",
            "documentation": "The report as it is while the script waits.",
            "type": "TestReport",
        },
    ],
}

OPERATION = Operation(
    code="run",
    definition="OperationDefinition/TestScript-run",
    levels=frozenset(("type", "instance")),
    types=frozenset(("TestScript",)),
    affects_state=True,
    run=run,
    document=write_json(_DOCUMENT),
)


def _script(call: Call) -> JsonObject:
    found = read_parameters(call, "run", ("resource",) if call.id is None else ())
    if call.id is not None:
        body = read(call.services, call.auth, "TestScript", call.id).body
        assert body is not None
        stored: JsonObject = parse_json(body)
        return stored
    if "resource" not in found:
        raise InvalidRequestError(
            "Send the TestScript to run, alone or in Parameters as resource; or invoke $run on a "
            "stored one."
        )
    script = checked_type("TestScript", found["resource"])
    check(call.services.definitions, script)
    return script


def _with_fixtures(call: Call, script: JsonObject) -> JsonObject:
    """Copy a script with the resources that its fixtures refer to contained in it."""
    contained = list(script.get("contained", ()))
    fixtures = []
    for number, fixture in enumerate(script.get("fixture", ())):
        reference = fixture.get("resource", {}).get("reference")
        if reference is None or reference.startswith("#"):
            fixtures.append(fixture)
            continue
        place = f"TestScript.fixture[{number}].resource"
        id_ = f"fixture-{number}-of-this-server"
        contained.append({**_fixture(call, reference, place), "id": id_})
        fixtures.append({**fixture, "resource": {"reference": f"#{id_}"}})
    changed = {"contained": contained, "fixture": fixtures}
    return {**script, **{name: value for name, value in changed.items() if value}}


def _fixture(call: Call, reference: str, place: str) -> JsonObject:
    services = call.services
    local = parse_reference(reference, services.settings.public_url)
    stored = services.definitions.resource_types
    if local is None or local.version is not None or local.type not in stored:
        raise UnprocessableError(
            f"The fixture refers to {reference[:200]!r}: a script that runs in the server takes "
            "fixtures that it contains (#id), or resources of this server (Type/id).",
            expression=(place,),
        )
    body = read(services, call.auth, local.type, local.id).body
    assert body is not None
    resource: JsonObject = parse_json(body)
    return resource


def _waiting(call: Call, script: JsonObject) -> JsonObject:
    services = call.services
    return {
        "resourceType": "TestReport",
        "name": script.get("name", "TestScript"),
        "status": "waiting",
        "testScript": _reference(call, script),
        "result": "pending",
        "tester": call.auth.actor,
        "issued": format_instant(services.now()),
        "participant": [{"type": "server", "uri": services.settings.public_url}],
    }


def _reference(call: Call, script: JsonObject) -> JsonObject:
    """Say which script it is: by its address if it is stored, by its canonical if it came along."""
    named: JsonObject = {"type": "TestScript", "display": script.get("name", "TestScript")}
    if call.id is not None:
        return {**named, "reference": f"TestScript/{call.id}"}
    if "url" in script:
        named["identifier"] = {"system": "urn:ietf:rfc:3986", "value": script["url"]}
    return named
