"""The keys that this server signs identities with: list them, or make the next one.

A new key is published for an hour before it signs, and the one before it for a day after that, so
that applications notice nothing. With --at-once the new key signs at once and no other counts any
more: for a key that somebody else may know, or whose secrets.key is lost.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from fhirserver.commands.options import add_store_options, reach_database, settings_from

EXAMPLES = """\
examples:
  fhirserver keys list
  fhirserver keys rotate
  fhirserver keys rotate --at-once --data-dir data
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=("list", "rotate"), help="what to do")
    add_store_options(parser)
    parser.add_argument("--at-once", action="store_true", help="end every other key now")


def run(args: argparse.Namespace) -> int:
    """Print the keys, after a rotation where one is wanted."""
    from fhirserver.model.instant import format_instant
    from fhirserver.secret_file import SECRETS_KEY_FILE, read_or_make
    from fhirserver.smart.keys import list_keys, published_keys, rotate, signing_key
    from fhirserver.store.database import Database, now_us

    settings = settings_from(args)
    with reach_database(settings) as url, closing(Database(url)) as database:
        if args.action == "rotate":
            secrets_key = read_or_make(Path(settings.data_dir) / SECRETS_KEY_FILE)
            rotate(database, secrets_key, now_us(), at_once=args.at_once)
        keys = list_keys(database)
    now = now_us()
    for key in published_keys(keys, now):
        state = "signs" if key == signing_key(keys, now) else "published"
        sys.stdout.write(f"{key.kid}  from {format_instant(key.signs_from)}  {state}\n")
    return 0
