"""Finds the scripts of a suite: one file, or a folder with all that is in it.

JSON, XML that is a TestScript   a script
JSON, XML that is something else passed over: fixtures, CapabilityStatements, reports
what cannot be parsed            a broken script, unless a script uses it as a fixture
other files, hidden ones         passed over
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fhirserver.errors import FhirError
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.xml_source import FHIR, parse_source
from fhirserver_conformance.script.files import SuiteFileError, SuiteFiles, read_file
from fhirserver_conformance.script.model import BrokenScript, Script
from fhirserver_conformance.script.part import ScriptError
from fhirserver_conformance.script.read import read_script
from fhirserver_conformance.script.xml_script import script_of_xml

__all__ = ["Suite", "SuiteError", "read_script", "read_suite"]

_ENDINGS = (".json", ".xml")
_TYPE = "TestScript"


class SuiteError(ValueError):
    """A suite that cannot be had; says why, and the remedy."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Scripts that are run together.

    Attributes:
        root: the folder that its files are in.
        scripts: by their paths.
    """

    name: str
    root: Path
    scripts: tuple[Script | BrokenScript, ...]


def read_suite(path: Path, name: str | None = None) -> Suite:
    """Read a suite.

    Args:
        path: a file, or a folder that is searched with its folders.
        name: of the suite; that of the file or folder where None.

    Raises:
        SuiteError: nothing there, or no script in it.
    """
    if not path.exists():
        raise SuiteError(f"{path}: there is no such file or folder; name a suite that exists")
    alone = not path.is_dir()
    root = path.parent if alone else path
    suite = name or (path.stem if alone else path.resolve().name)
    files = SuiteFiles(root)
    found = {
        each: _read(each, suite, root, files)
        for each in ([path] if alone else sorted(_files(root)))
    }
    if alone and found[path] is None:
        raise SuiteError(f"{path}: is no TestScript; name a TestScript or a folder that holds some")
    scripts = tuple(
        script
        for each, script in found.items()
        if script is not None
        and not (isinstance(script, BrokenScript) and each.resolve() in files.used)
    )
    if not scripts:
        raise SuiteError(f"{path}: holds no TestScript in JSON or XML; name a folder that does")
    return Suite(name=suite, root=root, scripts=scripts)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            if name.lower().endswith(_ENDINGS) and not name.startswith("."):
                yield Path(folder, name)


def _read(path: Path, suite: str, root: Path, files: SuiteFiles) -> Script | BrokenScript | None:
    """Read a file; None where it is no TestScript."""
    source = path.relative_to(root).as_posix()
    try:
        resource = _parse(read_file(path))
    except FhirError as error:
        return BrokenScript(suite=suite, source=source, problem=str(error))
    except (SuiteFileError, ScriptError) as fault:
        return BrokenScript(suite=suite, source=source, problem=str(fault))
    if resource is None:
        return None
    return read_script(resource, suite=suite, source=source, folder=path.parent, files=files)


def _parse(raw: bytes) -> JsonObject | None:
    """Parse a TestScript; None for anything else."""
    if raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        root = parse_source(raw)
        is_script = root.name == _TYPE and root.namespace == FHIR
        return script_of_xml(root) if is_script else None
    resource = parse_json(raw)
    is_script = isinstance(resource, dict) and resource.get("resourceType") == _TYPE
    return resource if is_script else None
