"""docs/conformance/smart.md: what Inferno asserts of SMART servers, each with our test or a reason.

    FHIRSERVER_TEST_DATA=DIR python -m tests.docs.smart_matrix > docs/conformance/smart.md

The assertions' ids are those of the shared test data; what each is about, in our words, and the
tests that show it are in `smart_assertions.json`: name of the assertion -> [words, tests or
reason].
"""

import csv
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).parent / "smart_assertions.json"
VERSIONS = {"STU 2.2": "smart_stu2_2", "STU 2": "smart_stu2"}
_TEXT = """\
# SMART: what is asserted, and shown

Every assertion that [Inferno](https://inferno.healthit.gov)'s test kit has of servers for SMART
App Launch STU 2.2 and STU 2, and every step of the test procedure of (g)(10), by its id, with tests
of ours that show the same, or the reason why there is none. An assertion that comes again in
another flow is in one row. Inferno itself has not been run against this server. Tests of `clients/`
are run by `scripts/real-clients`, with browsers and programs of others, and skipped in CI. Made by
`python -m tests.docs.smart_matrix`.

Tests show {shown} of {smart} assertions, and {shown_steps} of {steps} steps.
"""


def main() -> int:
    """Print the page."""
    sys.stdout.write(page(Path(os.environ["FHIRSERVER_TEST_DATA"])))
    return 0


def page(data: Path) -> str:
    """Make the page.

    Args:
        data: folder of the shared test data.

    Raises:
        KeyError: an assertion that is not in the table.
    """
    table = json.loads(TABLE.read_text("utf-8"))
    asserted = {version: assertions(data, file) for version, file in VERSIONS.items()}
    steps = list(step_ids(data))
    every = [name for found in asserted.values() for name in found.values()]
    lines = [
        _TEXT.format(
            smart=len(every),
            shown=sum(is_shown(table["smart"][name]) for name in every),
            steps=len(steps),
            shown_steps=sum(is_shown(table["g10"][step]) for step in steps),
        ),
        "## SMART App Launch\n",
        "| STU 2.2 | STU 2 | what | shown by |",
        "|---|---|---|---|",
    ]
    for name in dict.fromkeys(every):
        ids = (
            ", ".join(id_ for id_, each in found.items() if each == name)
            for found in asserted.values()
        )
        lines.append(_row(*ids, table["smart"][name]))
    lines += ["\n## (g)(10)\n", "| step | what | shown by |", "|---|---|---|"]
    lines += [_row(step, table["g10"][step]) for step in steps]
    return "\n".join(lines) + "\n"


def assertions(data: Path, file: str) -> dict[str, str]:
    """Give the assertions of one version: short id -> name, in the suite's order."""
    lines = (data / "inferno" / "assertions" / f"{file}.jsonl").read_text("utf-8").splitlines()
    found = {}
    for line in lines:
        said = json.loads(line)
        name = said["id"].rpartition("-")[2]
        found[said["short_id"]] = said["short_id"] if name.startswith("Test") else name
    return found


def step_ids(data: Path) -> Iterator[str]:
    """Give the steps of the procedure, in its order."""
    path = data / "inferno" / "requirements" / "g10_certification_requirements_coverage.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield row["ID"]


def is_shown(said: tuple[str, list[str] | str]) -> bool:
    """Whether there are tests."""
    return isinstance(said[1], list)


def _row(*cells: str | tuple[str, list[str] | str]) -> str:
    *ids, (words, shown) = cells
    last = f"not: {shown}" if isinstance(shown, str) else ", ".join(f"`{each}`" for each in shown)
    return f"| {' | '.join((*map(str, ids), words, last))} |"


if __name__ == "__main__":
    sys.exit(main())
