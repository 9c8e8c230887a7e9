"""TestScript/$run: run a script, or a suite, against this server, and store what comes of it.

Spec: https://hl7.org/fhir/R4/testscript.html; the operation is this server's own

The answer is 202: a TestReport that waits, at the address in Content-Location, and a job. The
report tells how it goes: waiting, in-progress, completed or stopped. To delete it is to cancel.

A suite is one of the conformance tool's own, by its name. Its one report has a test per script and
an assert per case, whose message begins with the case's name.

A fixture is contained in the script, or a resource of this server, which is read as the caller and
sent along. Files and other servers are out of reach of a script that runs here.
"""

import re
from importlib.metadata import version

from fhirserver.errors import ForbiddenError, InvalidRequestError, TooLargeError, UnprocessableError
from fhirserver.interactions import Result
from fhirserver.interactions.accept import TEST_RUN, accept
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import check, checked_type
from fhirserver.interactions.read import read
from fhirserver.model.instant import format_instant
from fhirserver.model.json import JsonObject, JsonValue, parse_json, write_json
from fhirserver.model.reference import parse_reference
from fhirserver.operations.parameters import read_parameters
from fhirserver.operations.types import Call, Operation

SCRIPT_LIMIT_BYTES = 2 * 1024 * 1024
SUITE_SYSTEM = "urn:fhir-conformance:suite"
"""System of the identifier of reports of suites; its values are their names."""
_SUITE = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)

Work = tuple[JsonObject, JsonObject]
"""Parameters of the job, and what the report says of what is run."""


def run(call: Call) -> Result:
    """Accept a script or a suite for running.

    Parameters read: resource (a TestScript) or suite (a name), at the type only.

    Returns:
        202 and the TestReport, as preferred.

    Raises:
        InvalidRequestError: neither, or both, or one at an instance too.
        UnprocessableError: the script breaks FHIR's rules, or a fixture is out of reach.
        NotFoundError: no such script or fixture, or not this caller's.
        TooLargeError: the script with its fixtures.
        ForbiddenError: a script asks that runs in this server.
        ConflictError: the stored script waits or runs already.
        ThrottledError: the caller has too many jobs already.
    """
    permit(call.services, call.auth, "run", "TestScript", call.id)
    if call.auth.rights is not None:
        raise ForbiddenError(
            "A script that the server runs has no access token and would be refused everything "
            "here; run it with fhir-conformance, which can be given one."
        )
    if call.auth.of_test_run:
        raise ForbiddenError(
            "A script that runs in this server starts no runs; take $run out of it."
        )
    found = read_parameters(call, "run", ("resource", "suite") if call.id is None else ())
    if call.id is None and len(found) != 1:
        raise InvalidRequestError(
            "Send the TestScript to run, alone or in Parameters as resource; or name a suite; or "
            "invoke $run on a stored script."
        )
    if "suite" in found:
        parameters, about = _suite(found["suite"])
    else:
        parameters, about = _script(call, found.get("resource"))
    report = _waiting(call, about)
    if call.id is not None:
        parameters["subject"] = f"TestScript/{call.id}"
    return accept(call.services, call.auth, TEST_RUN, parameters, report, call.prefer)


_DOCUMENT: JsonObject = {
    "resourceType": "OperationDefinition",
    "name": "Run",
    "title": "Run a TestScript",
    "status": "active",
    "kind": "operation",
    "description": (
        "Runs a TestScript, or a suite of the conformance tool, against this server, in the "
        "background. The answer is 202 with the address of a TestReport in Content-Location, whose "
        "status goes from waiting over in-progress to completed, or to stopped where there is no "
        "result; the report then says why. To delete the report is to cancel the run."
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
            "documentation": "The script, where the operation is invoked on the type. Its fixtures "
            "are contained, or resources of this server.",
            "type": "TestScript",
        },
        {
            "name": "suite",
            "use": "in",
            "min": 0,
            "max": "1",
            "documentation": "Name of a suite instead, where the operation is invoked on the type.",
            "type": "string",
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
    statuses=(202,),
)


def _suite(name: JsonValue) -> Work:
    """Have a suite run; whether there is one of that name, the tool knows."""
    if not isinstance(name, str) or _SUITE.fullmatch(name) is None:
        raise InvalidRequestError("The name of a suite is made of small letters, digits and -.")
    identifier = {"system": SUITE_SYSTEM, "value": name}
    about: JsonObject = {
        "identifier": identifier,
        "name": name,
        "testScript": {"identifier": identifier, "display": f"Suite {name}"},
    }
    return {"suite": name}, about


def _script(call: Call, resource: JsonValue) -> Work:
    """Have a script run: the one that came along, or the one of the address."""
    script = _stored(call, "TestScript", call.id) if call.id else _checked(call, resource)
    sent = write_json(_with_fixtures(call, script))
    _refuse_long(len(sent))
    name = script.get("name", "TestScript")
    reference: JsonObject = {"type": "TestScript", "display": name}
    if call.id is not None:
        reference["reference"] = f"TestScript/{call.id}"
    elif "url" in script:
        reference["identifier"] = {"system": "urn:ietf:rfc:3986", "value": script["url"]}
    return {"script": sent.decode("utf-8")}, {"name": name, "testScript": reference}


def _checked(call: Call, resource: JsonValue) -> JsonObject:
    script = checked_type("TestScript", resource)
    check(call.services.definitions, script)
    return script


def _stored(call: Call, type_: str, id_: str) -> JsonObject:
    resource: JsonObject = parse_json(_read(call, type_, id_))
    return resource


def _read(call: Call, type_: str, id_: str) -> bytes:
    body = read(call.services, call.auth, type_, id_).body
    assert body is not None
    return body


def _refuse_long(size_bytes: int) -> None:
    if size_bytes > SCRIPT_LIMIT_BYTES:
        raise TooLargeError(
            f"A script may have {SCRIPT_LIMIT_BYTES} bytes with its fixtures, and this one has "
            "more; divide it."
        )


def _with_fixtures(call: Call, script: JsonObject) -> JsonObject:
    """Copy a script with resources of this server in place of the references to them.

    That is not R4's grammar; the tool reads it so, and a resource keeps the id that it has.
    """
    fixtures = []
    size_bytes = 0
    for number, fixture in enumerate(script.get("fixture", ())):
        reference = fixture.get("resource", {}).get("reference")
        if reference is None or reference.startswith("#"):
            fixtures.append(fixture)
            continue
        body = _fixture(call, reference, f"TestScript.fixture[{number}].resource")
        size_bytes += len(body)
        _refuse_long(size_bytes)
        fixtures.append({**fixture, "resource": parse_json(body)})
    return {**script, "fixture": fixtures} if fixtures else script


def _fixture(call: Call, reference: str, place: str) -> bytes:
    services = call.services
    local = parse_reference(reference, services.settings.public_url)
    stored = services.definitions.resource_types
    if local is None or local.version is not None or local.type not in stored:
        raise UnprocessableError(
            f"The fixture refers to {reference[:200]!r}: a script that runs in the server takes "
            "fixtures that it contains (#id), or resources of this server (Type/id).",
            expression=(place,),
        )
    return _read(call, local.type, local.id)


def _waiting(call: Call, about: JsonObject) -> JsonObject:
    services = call.services
    return {
        "resourceType": "TestReport",
        **about,
        "status": "waiting",
        "result": "pending",
        "tester": call.auth.actor,
        "issued": format_instant(services.now()),
        "participant": [
            {
                "type": "server",
                "uri": services.settings.public_url,
                "display": f"fhirserver {version('fhirserver')}",
            }
        ],
    }
