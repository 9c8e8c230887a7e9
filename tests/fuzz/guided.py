"""Fuzz one target with Atheris, which keeps the inputs that reach something new.

    python -m tests.fuzz.guided fhirpath --seconds 300

Atheris is installed by hand (pip install atheris). It ends at its first finding and writes the
input to a file crash-….
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzz.inputs import SEEDS, words

TIMEOUT_S = 10


def main() -> None:
    """Read the command line and fuzz; Atheris ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=list(SEEDS))
    parser.add_argument("--seconds", type=int, default=60)
    args = parser.parse_args()
    with atheris.instrument_imports(include=["fhirserver"]):
        targets = importlib.import_module("tests.fuzz.targets")
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, raw in enumerate(SEEDS[args.target]):
        (corpus / f"seed{number}").write_bytes(raw)
    dictionary = folder / "words"
    dictionary.write_text("\n".join(map(_entry, words(args.target))))
    atheris.Setup(
        [
            sys.argv[0], f"-max_total_time={args.seconds}", f"-timeout={TIMEOUT_S}",
            "-max_len=2000", "-rss_limit_mb=2048", f"-dict={dictionary}", str(corpus),
        ],
        targets.TARGETS[args.target],
    )  # fmt: skip
    atheris.Fuzz()


def _entry(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'


if __name__ == "__main__":
    main()
