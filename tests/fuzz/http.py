"""Fuzz every path of the OpenAPI document against a server of its own, with schemathesis.

    python -m tests.fuzz.http --seconds 600 [--types Patient,Observation] [--examples 5]

Checked are: no status of 500 and above, and no status and no content type that the document does
not name.
Exit code 0 where nothing was found; schemathesis prints what was, with a curl command for each.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.server import ServerProcess

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"


def chosen(document: Any, types: list[str]) -> Any:
    """Leave the paths of some types, and those of the whole server; all where none is named."""
    if types:
        left = {
            path: item
            for path, item in document["paths"].items()
            if not path[1:2].isupper() or path.split("/")[1] in types
        }
        document = {**document, "paths": left}
    return document


def fuzz(base: str, folder: Path, args: argparse.Namespace) -> int:
    """Run schemathesis; give its exit code."""
    with urlopen(f"{base}/openapi.json") as answer:
        document = chosen(json.load(answer), [each for each in args.types.split(",") if each])
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    command = [
        args.schemathesis, "run", str(file), f"--url={base}", f"--checks={CHECKS}", "--no-color",
        f"--max-examples={args.examples}", f"--seed={args.seed}", "--continue-on-failure",
        "--phases=examples,fuzzing", "--mode=all", "--request-timeout=30",
        *([f"--max-time={args.seconds}"] if args.seconds else []),
    ]  # fmt: skip
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--types", default="", help="of resources, by commas; all without it")
    parser.add_argument("--examples", type=int, default=5, help="per operation")
    parser.add_argument("--seconds", type=int, default=0, help="at most; 0 for no limit")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--schemathesis", default="schemathesis", help="the program")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = ("--data-dir", str(folder / "data"), "--workers", "2")
        with ServerProcess(folder / "server.log", arguments) as server:
            return fuzz(server.base, folder, args)


if __name__ == "__main__":
    sys.exit(main())
