"""Check the audit trail, keep an anchor of it elsewhere, and report from it.

verify   follow the chain of seals; 1 where it breaks, and the first place is named
anchor   print the newest seal, one line of JSON to keep outside this machine
report   rows as CSV: of a patient, of a user, disclosures, refusals, broken glass
export   rows as NDJSON of AuditEvents
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirserver.commands.command_error import CommandError
from fhirserver.commands.options import add_store_options, reach_database, settings_from
from fhirserver.model.json import parse_json, write_json
from fhirserver.secret_file import AUDIT_KEY_FILE, read_or_make

if TYPE_CHECKING:
    from fhirserver.audit import Anchor
    from fhirserver.config import Settings

EXAMPLES = """\
examples:
  fhirserver audit anchor --data-dir data
  fhirserver audit verify --anchors /mnt/elsewhere/anchors.ndjson
  fhirserver audit report patient 23 --since 2026-01-01
  fhirserver audit report disclosures 23
  fhirserver audit report user Practitioner/7
  fhirserver audit report refusals --since 2026-01-01
  fhirserver audit export --since 2026-01-01
"""

_REPORTS = ("patient", "disclosures", "user", "refusals", "broken-glass")
_COLUMNS = (
    "at", "interaction", "outcome", "actor", "client", "address", "patients", "resource", "query",
    "matches", "reason", "purpose", "request_id", "token",
)  # fmt: skip
_NO_SEAL = "nothing is sealed yet: the server seals about every second while it runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands and their options."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    verify = kinds.add_parser("verify", help="follow the chain of seals")
    verify.add_argument("--anchors", metavar="FILE", help="what `anchor` printed; - for stdin")
    kinds.add_parser("anchor", help="print the newest seal")
    report = kinds.add_parser("report", help="rows as CSV")
    report.add_argument("report", choices=_REPORTS, help="what about")
    report.add_argument("of", nargs="?", metavar="ID", help="the patient's id, or the user")
    export = kinds.add_parser("export", help="rows as NDJSON of AuditEvents")
    export.add_argument("--public-url", metavar="URL", help="FHIR base, the events' observer")
    for each in (report, export):
        each.add_argument("--since", type=_instant, metavar="DATE", help="the first day or instant")
        each.add_argument("--until", type=_instant, metavar="DATE", help="the end, excluded")
    for each in kinds.choices.values():
        add_store_options(each)


def run(args: argparse.Namespace) -> int:
    """Do one of the four."""
    settings = settings_from(args, public_url=getattr(args, "public_url", None))
    with reach_database(settings) as url:
        return _KINDS[args.kind](args, settings, url)


def _verify(args: argparse.Namespace, settings: "Settings", url: str) -> int:
    import psycopg

    from fhirserver.audit import check_chain
    from fhirserver.store.audit_trail import chain, stray

    key_file = Path(settings.data_dir) / AUDIT_KEY_FILE
    if not key_file.exists():
        raise CommandError(f"{key_file} is missing: the seals cannot be checked without it")
    anchors = () if args.anchors is None else tuple(_anchors(args.anchors))
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        held, broken = check_chain(read_or_make(key_file), chain(connection), anchors)
        passed = None if broken else stray(connection)
    if broken is not None:
        place = f"seal {broken.number}" + (f", row {broken.entry}" if broken.entry else "")
        sys.stdout.write(f"broken at {place}: {broken.rule}; {held:,} seals before it hold\n")
    elif passed is not None:
        sys.stdout.write(f"broken: row {passed[0]} of {passed[1]} was put in without a seal\n")
    else:
        sys.stdout.write(f"{held:,} seals hold\n")
    return 0 if broken is None and passed is None else 1


def _anchor(_args: argparse.Namespace, _settings: "Settings", url: str) -> int:
    import psycopg

    from fhirserver.store.audit_trail import position

    with psycopg.connect(url) as connection:
        last = position(connection)
    if not last.number:
        raise CommandError(_NO_SEAL)
    line = {"at": datetime.now(UTC).isoformat(), "number": last.number, "digest": last.digest.hex()}
    sys.stdout.write(write_json(line).decode() + "\n")
    return 0


def _anchors(place: str) -> "Iterator[Anchor]":
    from fhirserver.audit import Anchor

    lines = sys.stdin if place == "-" else Path(place).read_text().splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            said = parse_json(line.encode())
            yield Anchor(int(said["number"]), bytes.fromhex(said["digest"]))
        except Exception as error:
            what = f"line {number} of {place} is no anchor as `audit anchor` prints them"
            raise CommandError(what, exit_code=2) from error


def _report(args: argparse.Namespace, _settings: "Settings", url: str) -> int:
    from fhirserver.definitions import r4

    if (args.of is None) != (args.report in ("refusals", "broken-glass")):
        what = "takes no id" if args.of else "needs the id of a patient, or a user"
        raise CommandError(f"report {args.report} {what}", exit_code=2)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(_COLUMNS)
    for said, patients in _rows(args, url):
        type_ = "" if said["tid"] is None else r4().type_name(said["tid"])
        place = "/".join(filter(None, (type_, said["id"])))
        line = said | {
            "at": said["at"].astimezone(UTC).isoformat(),
            "patients": " ".join(patients),
            "resource": place,
        }
        out.writerow([_safe(line[name]) for name in _COLUMNS])
    return 0


def _export(args: argparse.Namespace, settings: "Settings", url: str) -> int:
    from fhirserver.audit import audit_event
    from fhirserver.definitions import r4

    for said, patients in _rows(args, url):
        event = audit_event(said, patients, r4(), settings.public_url)
        sys.stdout.write(write_json(event).decode() + "\n")
    return 0


def _rows(args: argparse.Namespace, url: str) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    import psycopg

    from fhirserver.definitions import r4
    from fhirserver.store.audit_reports import Wanted, find_rows

    report = getattr(args, "report", None)
    about_patient = report in ("patient", "disclosures")
    wanted = Wanted(
        patient=args.of.removeprefix("Patient/") if about_patient else None,
        actor=args.of if report == "user" else None,
        since=args.since,
        until=args.until,
        refused=report == "refusals",
        broken_glass=report == "broken-glass",
        others=report == "disclosures",
    )
    with psycopg.connect(url) as connection:
        for row, patients in find_rows(connection, wanted, r4().type_id("Patient")):
            yield row.said, patients


def _safe(value: object) -> object:
    """Keep a spreadsheet from taking what somebody sent for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no date like 2026-01-31 and no instant like 2026-01-31T12:00:00Z"
        raise argparse.ArgumentTypeError(message) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_KINDS = {"verify": _verify, "anchor": _anchor, "report": _report, "export": _export}
