"""Background jobs; started by `fhirserver serve`, or alone beside `serve --no-jobs`."""

import argparse

from fhirserver.commands.options import add_store_options, settings_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument("--lifeline", type=int, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Work until stopped."""
    from fhirserver.jobs.process import work

    return work(settings_from(args), args.lifeline)
