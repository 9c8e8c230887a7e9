"""Data for search shapes: patients in growing numbers, each number in a data directory of its own.

    FOLDER/1000, FOLDER/4000, FOLDER/16000    what is there already is not loaded again
    FOLDER/1000.json ...                      how many resources there are of what totals ask for

A larger one begins as a copy of the one before, so the smaller's patients are in all. Patients have
their first visits only: what a search costs as patients grow shows as well, and loading takes a
third of the time.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from server import command
from shape_facts import facts

from fhirserver.model.json import JsonObject, write_json
from fhirserver.samples.clinic import Clinic
from fhirserver.samples.record import patient_record

SEED = 1


def data_dirs(
    folder: Path, scales: Sequence[int], visits: int
) -> Iterator[tuple[int, Path, Counter[str]]]:
    """Make the data directory of each scale, smallest first, and give what is counted in it.

    Args:
        folder: where they are, or will be.
        scales: numbers of patients.
        visits: of each patient at most.
    """
    smaller = 0
    for scale in sorted(scales):
        if not (folder / str(scale)).exists():
            _load(folder, scale, smaller, visits)
        smaller = scale
        yield scale, folder / str(scale), _counts(folder, scale)


def record(clinic: Clinic, number: int, visits: int) -> list[JsonObject]:
    """Give what is stored of one patient: the Patient first, then up to so many visits."""
    resources = patient_record(clinic, SEED, number)
    starts = [at for at, each in enumerate(resources) if each["resourceType"] == "Encounter"]
    return resources[: starts[visits]] if len(starts) > visits else resources


def _counts(folder: Path, scale: int) -> Counter[str]:
    return Counter(json.loads((folder / f"{scale}.json").read_text()))


def _load(folder: Path, scale: int, smaller: int, visits: int) -> None:
    unfinished = folder / f"{scale}.loading"
    shutil.rmtree(unfinished, ignore_errors=True)
    if smaller:
        shutil.copytree(folder / str(smaller), unfinished)
    else:
        unfinished.mkdir(parents=True)
    sample = folder / f"{scale}.ndjson"
    counts = _write(sample, range(smaller, scale), visits)
    if smaller:
        counts += _counts(folder, smaller)
    (folder / f"{scale}.json").write_text(json.dumps(counts))
    command("load", "--data-dir", str(unfinished), str(sample))
    sample.unlink()
    unfinished.rename(folder / str(scale))


def _write(path: Path, numbers: range, visits: int) -> Counter[str]:
    clinic = Clinic(SEED)
    counts: Counter[str] = Counter()
    with path.open("wb") as file:
        if numbers.start == 0:
            file.write(write_json(_bundle(clinic.resources)) + b"\n")
        for number in numbers:
            resources = record(clinic, number, visits)
            counts.update(fact for each in resources for fact in facts(each))
            file.write(write_json(_bundle(resources)) + b"\n")
    return counts


def _bundle(resources: Sequence[JsonObject]) -> JsonObject:
    entries = [
        {
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
