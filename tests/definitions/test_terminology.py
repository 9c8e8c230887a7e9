"""R4's own value sets and code systems: reproducible, and expanded as HL7 expanded them."""

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fhirserver_profiles import read_compiled_terminology
from fhirserver_profiles.compile_r4 import pack
from fhirserver_profiles.package import read_package
from fhirserver_profiles.terminology import compile_terminology
from fhirserver_terminology.code_system import TerminologyError
from fhirserver_terminology.value_set import Expander

from fhirserver.definitions import r4
from fhirserver.definitions.terminology import R4Content

FLAVORS = "http://terminology.hl7.org/ValueSet/v3-NullFlavor"
FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
ABSTRACT = {
    "http://hl7.org/fhir/ValueSet/item-type": "question",
}
"""Required value sets with a code that is a group alone, which validation leaves out."""


def test_recompiling_gives_the_committed_bytes() -> None:
    root = os.environ.get("FHIRSERVER_TEST_DATA")
    if not root:
        pytest.skip("FHIRSERVER_TEST_DATA is not set")
    package = read_package(Path(root) / "packages" / "hl7.fhir.r4.core.tgz")
    committed = gzip.decompress(read_compiled_terminology())
    assert gzip.decompress(pack(compile_terminology(package))) == committed


def test_the_checksum_is_that_of_the_file() -> None:
    source = Path(__file__).parents[2] / "profiles" / "r4" / "SOURCE.json"
    stated = json.loads(source.read_text())["terminology_sha256"]
    assert stated == hashlib.sha256(gzip.decompress(read_compiled_terminology())).hexdigest()


def test_required_value_sets_are_what_validation_takes_them_for() -> None:
    """Two readings: the published expansions, and the compositions."""
    expander = Expander(R4Content())
    agreed = 0
    for url in r4().value_set_urls:
        published: Any = r4().value_set(url)
        try:
            found = expander.expand(url)
        except TerminologyError:
            continue
        if published is not None:
            group = {ABSTRACT.get(url)}
            assert {system: codes - group for system, codes in found.items()} == published, url
            agreed += 1
    assert agreed > 150


@pytest.mark.parametrize(
    "canonical",
    [
        pytest.param("http://hl7.org/fhir/ValueSet/body-site", id="of-snomed"),
        pytest.param("http://hl7.org/fhir/ValueSet/nonsense", id="unknown"),
        pytest.param(f"{FLAVORS}|1", id="other-version"),
    ],
)
def test_what_is_not_there_is_refused(canonical: str) -> None:
    with pytest.raises(TerminologyError):
        Expander(R4Content()).expand(canonical)


def test_a_hierarchy() -> None:
    system = R4Content().code_system(FLAVOR)
    assert system.above("NAV") >= {"NAV", "ASKU", "UNK", "NI"}
    assert "OTH" not in system.above("NAV")
    assert {"ASKU", "NAV"} <= system.below("UNK")
    assert "OTH" not in system.below("UNK")
