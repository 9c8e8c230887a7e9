"""Extensions of TestScript that public suites use, and what they mean.

Spec: https://hl7.org/fhir/R4/extensibility.html

    ignixa.io/testscript/…
      fhirVersions          TestScript, test   beginnings of fhirVersion, between commas
      requiresCapability    TestScript, test   FHIRPath that holds of the CapabilityStatement
      parametrize           test               once per value: variable, values between commas
      fhirfakes             fixture.resource   a made-up resource of that type
      waitFor               operation          again while pollingStatusCode (202) comes, at most
                                               maxAttempts (60) times, intervalMs (1000) apart
      assertionAnyOfGroup   assert             of those with one name, one has to pass
      assertionWhenResponseStatus  assert      only where another response had a status
    touchstone…/testscript-assert-stopTestOnFail   assert   as R5's stopTestOnFail
    fhir-crucible…/assert-subtest, -subtest-each   assert   another script's test as an assert
    fhir-conformance.test/…/requirement            TestScript, test   what it proves

`requiresCapability` is also written as an element of that name.
"""

from dataclasses import dataclass

from fhirserver_conformance.script.part import Part, inner, value_of

_IGNIXA = "http://ignixa.io/testscript/"
_TOUCHSTONE = "http://touchstone.aegis.net/touchstone/fhir/testing/StructureDefinition/"
_CRUCIBLE = "https://fhir-crucible.github.io/testscript-engine-ig/StructureDefinition/"
REQUIREMENT = "http://fhir-conformance.test/StructureDefinition/requirement"
"""On a script or a test: id or address of what it proves. R4 has no place for it."""

_GATES = {
    f"{_CRUCIBLE}assert-subtest": "runs a test of another script, which is not offered",
    f"{_CRUCIBLE}assert-subtest-each": "runs a test of another script, which is not offered",
    f"{_IGNIXA}assertionWhenResponseStatus": "hangs on another response's status, not offered",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that is repeated while a status comes."""

    status: int
    attempts: int
    interval_s: float


@dataclass(frozen=True, slots=True)
class Parameters:
    """A test that runs once per value of a variable."""

    variable: str
    values: tuple[str, ...]


def fhir_versions(part: Part) -> tuple[str, ...]:
    """Give the versions that a script or test is meant for; empty for all."""
    return tuple(
        version.strip()
        for extension in part.extensions(f"{_IGNIXA}fhirVersions")
        for version in (value_of(extension) or "").split(",")
        if version.strip()
    )


def requires_capability(part: Part) -> tuple[str, ...]:
    """Give what must hold of the CapabilityStatement."""
    found = [value_of(item) for item in part.extensions(f"{_IGNIXA}requiresCapability")]
    return tuple(dict.fromkeys(each for each in (*found, part.text("requiresCapability")) if each))


def parameters(part: Part) -> Parameters | None:
    """Give what a test is repeated with.

    Raises:
        ScriptError: no variable, no values, or more than one such extension.
    """
    found = part.extensions(f"{_IGNIXA}parametrize")
    if not found:
        return None
    if len(found) > 1:
        raise part.fault("parametrize stands more than once; a test is repeated for one variable")
    given = inner(found[0])
    values = tuple(item.strip() for item in given.get("values", "").split(",") if item.strip())
    if "variable" not in given or not values:
        raise found[0].fault("parametrize needs 'variable' and at least one of 'values'")
    return Parameters(given["variable"], values)


def made_up_type(part: Part) -> str | None:
    """Give the type of resource that is to be made up for a fixture."""
    found = part.extensions(f"{_IGNIXA}fhirfakes")
    return value_of(found[0]) if found else None


def any_of_group(part: Part) -> str | None:
    """Give the name of the group of asserts of which one has to pass."""
    found = part.extensions(f"{_IGNIXA}assertionAnyOfGroup")
    return value_of(found[0]) if found else None


def stop_test_on_fail(part: Part) -> bool:
    """Whether a failed assert ends the test; it does where the script says nothing."""
    for extension in part.extensions(f"{_TOUCHSTONE}testscript-assert-stopTestOnFail"):
        return value_of(extension) != "false"
    return part.flag("stopTestOnFail", default=True)


def waiting(part: Part) -> Waiting | None:
    """Give how long a request is repeated.

    Raises:
        ScriptError: no numbers, or out of range.
    """
    found = part.extensions(f"{_IGNIXA}waitFor")
    if not found:
        return None
    given = {"pollingStatusCode": "202", "maxAttempts": "60", "intervalMs": "1000"}
    given |= inner(found[0])
    try:
        status, attempts, interval_ms = (
            int(given[name]) for name in ("pollingStatusCode", "maxAttempts", "intervalMs")
        )
    except ValueError:
        raise found[0].fault("waitFor takes whole numbers only") from None
    if not (100 <= status <= 599 and attempts >= 1 and interval_ms >= 0):
        raise found[0].fault(
            "waitFor takes a status of 100 to 599, one attempt or more, no negative pause"
        )
    return Waiting(status, attempts, interval_ms / 1000)


def assert_gate(part: Part) -> str | None:
    """Give the reason why an extension makes an assert impossible to judge here."""
    return next((reason for url, reason in _GATES.items() if part.extensions(url)), None)


def requirements(part: Part) -> tuple[str, ...]:
    """Give what a script or test says by extension that it proves."""
    return tuple(value for item in part.extensions(REQUIREMENT) if (value := value_of(item)))
