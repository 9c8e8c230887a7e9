"""Make an account of every role for the synthetic patients and practitioners of `sample-data`.

The sample app is registered too, at the address of the server that runs on the data, or at
--public-url.

Accounts that are there already stay as they are. Each password is made here and printed once; it
need not be replaced, so never do this on a server with real patients in it.
"""

import argparse
import sys

from fhirserver.commands.options import add_store_options, settings_from
from fhirserver.commands.user import open_database
from fhirserver.console.sample_app import CLIENT_ID, SCOPES, SampleApp
from fhirserver.identity import accounts, new_account, passwords
from fhirserver.identity.accounts import Proxied
from fhirserver.identity.new_account import NewAccount
from fhirserver.model.json import JsonObject
from fhirserver.samples.clinic import Clinic
from fhirserver.samples.person import new_person
from fhirserver.smart import clients
from fhirserver.smart.clients import Client
from fhirserver.store.database import Database, now_us

EXAMPLES = """\
examples:
  fhirserver demo-users --data-dir data
"""

_YEAR_US = 365 * 24 * 3600 * 1_000_000
_OTHERS = ("billing", "front-desk", "researcher", "administrator", "auditor")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument(
        "--public-url", metavar="URL", help="FHIR base of the server, for the sample app"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="S", help="of the sample data; default: 1"
    )


def run(args: argparse.Namespace) -> int:
    """Make those that are missing, and print how to log in."""
    with open_database(args, create=True) as database:
        for wanted in _people(args.seed, now_us()):
            if accounts.find_named(database, wanted.username) is not None:
                sys.stdout.write(f"{wanted.username:<14} is there already\n")
                continue
            password = passwords.make_password()
            new_account.add(database, wanted, password, must_change=False, now=now_us())
            sys.stdout.write(f"{wanted.username:<14} {password}   {wanted.name}\n")
            for missing in new_account.missing(database, wanted.references):
                sys.stderr.write(f"warning: {missing} is not stored here\n")
        _register_sample_app(database, settings_from(args, public_url=args.public_url).public_url)
    return 0


def _register_sample_app(database: Database, base: str) -> None:
    """Register the sample app for everybody, at the address that the server has now."""
    app = SampleApp(base.rstrip("/"))
    client = Client(
        CLIENT_ID,
        "Sample app",
        "public",
        redirect_uris=(app.redirect_uri,),
        launch_url=app.launch_url,
        scopes=SCOPES,
        grant_types=("authorization_code",),
        pre_approved=True,
        created=now_us(),
    )
    with database.connection() as connection:
        if not clients.replace_all(connection, client):
            clients.add(connection, client)
    sys.stdout.write(f"{CLIENT_ID:<14} is registered; launch it from {app.root}/launch\n")


def _people(seed: int, now_us: int) -> list[NewAccount]:
    """Give who is to be there: a patient, the practice's own people, and the patient's proxy."""
    clinic = Clinic(seed)
    patient, other = (new_person(clinic, seed, number).patient for number in (0, 1))
    treating = patient["generalPractitioner"][0]["reference"]
    practitioners = {f"Practitioner/{each['id']}": each for each in clinic.practitioners}
    assisting = next(each for each in practitioners if each != treating)
    until = (Proxied(other["id"], now_us + _YEAR_US),)
    return [
        NewAccount("physician", _name(practitioners[treating]), "physician", treating),
        NewAccount("nurse", _name(practitioners[assisting]), "nurse", assisting),
        NewAccount("patient", _name(patient), "patient", f"Patient/{patient['id']}"),
        NewAccount("proxy", f"Proxy of {_name(other)}", "proxy", patients=until),
        *(NewAccount(role, f"Demo {role}", role) for role in _OTHERS),
    ]


def _name(resource: JsonObject) -> str:
    """Write the name of a person of the sample."""
    name = resource["name"][0]
    return " ".join((*name.get("prefix", ()), *name["given"], name["family"]))
