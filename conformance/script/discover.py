"""Finds the scripts of a suite: one file, or a folder with all that is in it.

In a folder
    JSON, XML that is a TestScript    is a script
    what cannot be parsed             is a broken script
    JSON, XML that is something else  is passed over: CapabilityStatements, reports
    what a script uses                is passed over, whatever it is: its fixtures and rules
    other files, hidden ones          are passed over
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fhirserver_conformance.script.files import SuiteFileError, SuiteFiles, read_file
from fhirserver_conformance.script.model import BrokenScript, Script
from fhirserver_conformance.script.parse import parse_script
from fhirserver_conformance.script.part import ScriptError
from fhirserver_conformance.script.read import read_script

__all__ = ["Suite", "SuiteError", "read_script", "read_suite"]

_ENDINGS = (".json", ".xml")


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
    try:
        alone, is_folder = path.is_file(), path.is_dir()
    except OSError as error:
        raise SuiteError(f"{path}: cannot be read: {error.strerror}") from None
    if not alone and not is_folder:
        raise SuiteError(f"{path}: there is no such file or folder; name a suite that exists")
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
        if script is not None and (alone or each.resolve() not in files.used)
    )
    if not scripts:
        raise SuiteError(f"{path}: holds no TestScript in JSON or XML; name a folder that does")
    return Suite(name=suite, root=root, scripts=scripts)


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if name.lower().endswith(_ENDINGS) and not name.startswith(".") and path.is_file():
                yield path


def _read(path: Path, suite: str, root: Path, files: SuiteFiles) -> Script | BrokenScript | None:
    """Read a file; None where it is no TestScript."""
    source = path.relative_to(root).as_posix()
    try:
        resource = parse_script(read_file(path))
    except (SuiteFileError, ScriptError) as fault:
        return BrokenScript(suite=suite, source=source, problem=str(fault))
    if resource is None:
        return None
    return read_script(resource, suite=suite, source=source, folder=path.parent, files=files)
