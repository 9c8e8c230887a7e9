"""Files of a suite: found from where a script stands, never outside the suite's folder.

Suites keep what scripts share beside them or further up, so a reference is tried from the script's
folder and from every folder above it up to the suite's; one that begins with "/" counts from the
suite's folder too, not from the machine's. A reference like "Patient/example" names a
file by convention:

    Patient/example.json
    fixtures/Patient/example.json
    _reference/resources/patient-example.json      (and each as .xml)
"""

from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 16 * 1024 * 1024
"""Of one file; what is longer is no script and no fixture."""

_CONVENTIONS = (
    "{type}/{id}",
    "fixtures/{type}/{id}",
    "fixtures/{lower}-{id}",
    "_reference/resources/{lower}-{id}",
    "{lower}-{id}",
)
_FORMATS = ("", ".json", ".xml")


class SuiteFileError(ValueError):
    """A file that cannot be had; says why, and the remedy."""


class SuiteFiles:
    """The files of one suite.

    Args:
        root: the suite's folder.

    Attributes:
        used: what scripts referred to, as real paths.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self.used: set[Path] = set()

    def find(self, reference: str, folder: Path) -> Path:
        """Find the file that a reference names.

        Args:
            reference: as in the script, e.g. "../_reference/patient.xml" or "Patient/example".
            folder: of the script.

        Raises:
            SuiteFileError: outside the suite, or not there.
        """
        outside = False
        try:
            for candidate in self._candidates(reference, folder.resolve()):
                path = candidate.resolve()
                if not path.is_relative_to(self._root):
                    outside = True
                elif path.is_file():
                    self.used.add(path)
                    return path
        except (OSError, ValueError):
            raise SuiteFileError(f"{reference!r} is no name of a file") from None
        if outside:
            raise SuiteFileError(
                f"{reference!r} lies outside the suite's folder {self._root.name!r}; "
                "run the folder that holds both"
            )
        raise SuiteFileError(
            f"there is no file {reference!r}, neither beside the script nor in a folder above it"
            " up to the suite's"
        )

    def _candidates(self, reference: str, folder: Path) -> Iterator[Path]:
        name = reference.lstrip("/")
        names = [name, *_by_convention(name)]
        for base in (folder, *folder.parents):
            if base.is_relative_to(self._root):
                yield from (base / name for name in names)


def read_file(path: Path) -> bytes:
    """Read a file.

    Raises:
        SuiteFileError: unreadable, or longer than `LIMIT_BYTES`.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise SuiteFileError(f"{path.name!r} cannot be read: {error.strerror}") from None
    if len(raw) > LIMIT_BYTES:
        raise SuiteFileError(f"{path.name!r} is longer than {LIMIT_BYTES} bytes")
    return raw


def _by_convention(reference: str) -> Iterator[str]:
    parts = reference.split("/")
    if len(parts) != 2 or not parts[0][:1].isupper() or not parts[1]:
        return
    names = {"type": parts[0], "lower": parts[0].lower(), "id": parts[1]}
    for convention in _CONVENTIONS:
        yield from (convention.format(**names) + ending for ending in _FORMATS)
