"""Let programs of others work as backend services against a server of ours.

    python -m tests.clients.backend_services --python PYTHON --folder FOLDER

PYTHON has the programs' libraries; FOLDER is for the server. Each program creates a patient, finds
it by its name and deletes it:

    by_urllib.py       asks for a token and uses it, with the standard library alone
    by_fhirpy.py       likewise, and works through fhirpy
    by_fhirclient.py   works through fhirclient, which finds the token endpoint by itself

They are given the FHIR base and an assertion that is signed here. Exit code 0 if all of them did.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from fhirserver.cli import main as fhirserver
from tests.server import ServerProcess
from tests.smart.assertions import assertion, key_set

PROGRAMS = ("by_urllib.py", "by_fhirpy.py", "by_fhirclient.py")
CLIENT = "program"


def main() -> int:
    """Run every program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    args = parser.parse_args()
    data = str(args.folder / "data")
    server = ServerProcess(
        args.folder / "server.log", ("--data-dir", data, "--workers", "1"), open=False
    )
    with server:
        register(args.folder, data)
        failed = [name for name in PROGRAMS if not works(args.python, name, server.base)]
    return 1 if failed else 0


def register(folder: Path, data: str) -> None:
    """Register the programs' client as an operator does."""
    keys = folder / "keys.json"
    keys.write_text(json.dumps(key_set("ec-1")))
    how = ("--auth-method", "private_key_jwt", "--grant-type", "client_credentials")
    what = ("--scope", "system/*.cruds", "--jwks", str(keys), "--data-dir", data)
    assert fhirserver(["client", "add", CLIENT, *how, *what]) == 0


def works(python: str, program: str, base: str) -> bool:
    """Run one program and say what came of it."""
    token_url = f"{base.removesuffix('/fhir')}/oauth/token"
    signed = assertion(CLIENT, token_url, time.time(), name="ec-1")
    path = Path(__file__).parent / program
    ended = subprocess.run([python, str(path), base, signed], check=False, timeout=120)
    sys.stdout.write(f"{program}: {'works' if ended.returncode == 0 else 'FAILS'}\n")
    return ended.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
