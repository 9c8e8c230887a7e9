"""Patterns of scripts, searched in what servers answer: both may be hostile.

Some patterns take exponential time on some texts, and Python's `re` cannot be interrupted. So the
search runs in a process of its own that is ended when its time is over.
"""

import json
import re
import subprocess
import sys

from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.paths.values import shown

TIMEOUT_S = 5.0

_SEARCH = (
    "import json, re, sys; pattern, text = json.load(sys.stdin);"
    "print(int(re.search(pattern, text) is not None))"
)


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern is found anywhere in a text.

    Args:
        pattern: of Python's `re`, which has what scripts use of others.
        text: what is searched.

    Raises:
        ActionProblem: the pattern does not parse, or takes more than `TIMEOUT_S` on this text.
    """
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ActionProblem(f"the pattern {shown(pattern)} does not parse: {error}") from None
    try:
        done = subprocess.run(  # noqa: S603 - this Python, and a program that stands above
            [sys.executable, "-I", "-S", "-c", _SEARCH],
            input=json.dumps([pattern, text]),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
            start_new_session=True,
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        raise ActionProblem(
            f"the pattern {shown(pattern)} takes more than {TIMEOUT_S:g} s on "
            f"{len(text)} characters; write it without repeats inside of repeats"
        ) from None
    return done.stdout.strip() == "1"
