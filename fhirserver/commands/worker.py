"""Background jobs; started by `fhirserver serve`, or alone beside `serve --no-jobs`."""

import argparse
from dataclasses import replace

from fhirserver.commands.options import add_store_options, reach_database, settings_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Work until stopped."""
    from fhirserver.app import build_services, for_callers
    from fhirserver.jobs.process import work

    settings = settings_from(args)
    if args.lifeline is not None or settings.database_url:
        return work(for_callers(build_services(settings, cursor_key=b"")), args.lifeline)
    with reach_database(settings) as url:
        settings = replace(settings, database_url=url)
        return work(for_callers(build_services(settings, cursor_key=b"")), None)
