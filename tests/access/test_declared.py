"""Every interaction that the server asks the policy about is in its table: what is not is refused.

Calls of `permit` and constructions of `Access` are found in the source. Where the interaction is no
literal, the place is listed here with what it may be.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from fhirserver.access import NEEDS

ROOT = Path(__file__).resolve().parents[2] / "fhirserver"
SYSTEM = {"batch", "transaction"}
WRITES = {"create", "update", "patch", "delete"}
READS = {
    "search-type", "search-system", "history-instance", "history-type", "history-system",
}  # fmt: skip
COMPUTED = {
    "interactions/concealing.py": WRITES,
    "interactions/deferred.py": READS | SYSTEM,
    "interactions/explain.py": {"search-explain"},
    "interactions/large_content.py": {"create", "update"},
    "interactions/once.py": WRITES | {"transaction"},
    "interactions/permit.py": set(),  # what its callers ask
    "interactions/transaction.py": SYSTEM,
    "interactions/transaction_plan.py": WRITES,
    "operations/explain_access.py": set(),  # what is asked about
    "operations/validate.py": {"create", "update", "delete"},
}
POSITION = {"permit": 2, "Access": 0}


def asked() -> Iterator[tuple[str, str | None]]:
    """Give file and interaction of every question to the policy; None for one that is computed."""
    for path in sorted(ROOT.rglob("*.py")):
        file = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            position = POSITION.get(node.func.id)
            if position is not None:
                argument = node.args[position]
                yield file, argument.value if isinstance(argument, ast.Constant) else None


def test_every_interaction_is_declared() -> None:
    """SEC-E0: an interaction without a row in the table fails here, and is refused when asked."""
    found = list(asked())
    assert len(found) > 30
    literals = {interaction for _, interaction in found if interaction is not None}
    computed = {file for file, interaction in found if interaction is None}
    assert computed == set(COMPUTED)
    assert literals.union(*COMPUTED.values()) == set(NEEDS)
