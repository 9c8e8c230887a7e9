"""Run the server: PostgreSQL, web workers and background jobs.

Without --database-url an embedded PostgreSQL keeps everything below the data directory.
The FHIR base is /fhir; a browser at / gets an overview.
"""

import argparse
import os
import sys

from fhirserver.commands.options import CommandError, add_store_options, settings_from
from fhirserver.commands.reachable import check_reachable

EXAMPLES = """\
examples:
  fhirserver serve --open                             for this machine only, no authentication
  fhirserver serve --open --port 0                    any free port; the first line names it
  fhirserver serve --open --data-dir data --workers 4
  fhirserver serve --database-url postgresql://fhir@db.example/fhir
  fhirserver serve --host 0.0.0.0 --port 443 --tls-certificate chain.pem --tls-key key.pem

signals: SIGTERM and Ctrl-C stop after the requests under way; SIGHUP replaces the workers.
"""

_FOREIGN_ARCHIVE = """\
--archive-dir is for the embedded PostgreSQL: yours archives with tools of its own,
such as pgBackRest or WAL-G"""

_WARNING = """\
WARNING: this server is OPEN. Everyone with an account on this machine can read and change
WARNING: every record in it. Do not put real patients' data in it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default="127.0.0.1", help="bind address; default: 127.0.0.1")
    parser.add_argument(
        "--port", type=_port, default=8080, help="0 chooses a free one; default: 8080"
    )
    add_store_options(parser)
    parser.add_argument(
        "--archive-dir", metavar="DIR", help="archive the embedded PostgreSQL's WAL there"
    )
    parser.add_argument(
        "--public-url", metavar="URL", help="FHIR base as clients see it; makes every link"
    )
    parser.add_argument(
        "--tls-certificate", metavar="FILE", help="serve TLS with this chain, in PEM"
    )
    parser.add_argument("--tls-key", metavar="FILE", help="its private key, in PEM")
    parser.add_argument(
        "--workers",
        type=_workers,
        default=_default_workers(),
        metavar="N",
        help="web worker processes; default: %(default)s, a processor each",
    )
    parser.add_argument(
        "--open", action="store_true", help="no authentication; loopback addresses only"
    )
    parser.add_argument("--no-jobs", action="store_true", help="leave background jobs to others")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    from fhirserver.commands.exposure import check_exposure
    from fhirserver.supervisor import ServeOptions, Supervisor

    settings = settings_from(
        args,
        open=args.open or None,
        public_url=None if args.public_url is None else args.public_url.rstrip("/"),
        archive_dir=args.archive_dir,
        tls_certificate=args.tls_certificate,
        tls_key=args.tls_key,
    )
    check_exposure(settings, args.host)
    if settings.database_url:
        if settings.archive_dir:
            raise CommandError(_FOREIGN_ARCHIVE, exit_code=2)
        check_reachable(settings.database_url)
    if settings.open:
        sys.stderr.write(_WARNING)
        sys.stderr.flush()
    given = args.public_url or os.environ.get("FHIRSERVER_PUBLIC_URL")
    options = ServeOptions(args.host, args.port, args.workers, not args.no_jobs, given)
    return Supervisor(settings, options, _announce).run()


def _announce(base: str) -> None:
    root = base.removesuffix("/fhir")
    sys.stdout.write(
        f"ready {base}\n"
        f"  in a browser  {root}/\n"
        f"  FHIR base     {base}\n"
        f"  health        {root}/health/ready\n"
        f"  metrics       {root}/metrics\n"
        "Ctrl-C stops everything.\n"
    )
    sys.stdout.flush()


def _port(text: str) -> int:
    if text.isdecimal() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; use 0 to 65535")


def _workers(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 64:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: use 1 to 64")


def _default_workers() -> int:
    return min(max(os.cpu_count() or 1, 2), 8)
