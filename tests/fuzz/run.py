"""Fuzz one target for a time, and say what was found.

    python -m tests.fuzz.run fhirpath --seconds 300 [--seed N]

Inputs are made by `tests.fuzz.inputs`; `tests.fuzz.guided` is led by what they reach instead. Exit
code 0 where nothing was found.

A finding is an exception that is not foreseen, an input that takes `SLOW_S` of a processor, or
memory that has grown by more than `GROWTH_BYTES` over the second half of the time, when caches are
full.
"""

import argparse
import random
import sys
import time
import traceback

import psutil

from tests.fuzz.inputs import make
from tests.fuzz.targets import TARGETS, Target

SLOW_S = 3.0
GROWTH_BYTES = 64 * 1024 * 1024


def run(name: str, seconds: float, seed: int) -> int:
    """Fuzz a target; give the number of findings."""
    target, chance, process = TARGETS[name], random.Random(seed), psutil.Process()
    started = time.monotonic()
    half_bytes = 0
    slowest, findings, count = 0.0, 0, 0
    while (elapsed := time.monotonic() - started) < seconds:
        if not half_bytes and elapsed > seconds / 2:
            half_bytes = process.memory_info().rss
        raw = make(chance, name)
        took = _tried(target, raw)
        count += 1
        findings += took is None or took > SLOW_S
        slowest = max(slowest, took or 0.0)
    grown = process.memory_info().rss - half_bytes
    findings += grown > GROWTH_BYTES
    sys.stdout.write(
        f"{name}: {count} inputs, {findings} findings, slowest {slowest:.2f} s, memory grew by "
        f"{grown / 1e6:.1f} MB in the second half\n"
    )
    return findings


def _tried(target: Target, raw: bytes) -> float | None:
    """Give the seconds that an input took; None where it raised."""
    before = time.process_time()
    try:
        target(raw)
    except Exception:  # noqa: BLE001 - a finding, whatever it is
        sys.stderr.write(f"finding: {raw[:2000]!r}\n{traceback.format_exc()}\n")
        return None
    took = time.process_time() - before
    if took > SLOW_S:
        sys.stderr.write(f"slow, {took:.1f} s: {raw[:2000]!r}\n")
    return took


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("--seconds", type=float, default=60, help="per target")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    args = parser.parse_args()
    sys.stdout.write(f"seed {args.seed}\n")
    names = list(TARGETS) if args.target == "all" else [args.target]
    return int(sum(run(name, args.seconds, args.seed) for name in names) > 0)


if __name__ == "__main__":
    sys.exit(main())
