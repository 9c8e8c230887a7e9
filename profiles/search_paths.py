"""SearchParameter expressions as paths: enough of FHIRPath to compare and to type them.

Spec: https://hl7.org/fhir/R4/searchparameter.html#expression

    alternatives   a | b | c, split outside parentheses and strings
    path           Root.child, (path as Type), path.as(Type), path.ofType(Type),
                   path.where(condition), path.extension('url'), path[0]

Whatever else an expression does makes it opaque: it is kept as text and has no path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

Step = tuple[str, str]
"""("child" | "type" | "where" | "extension" | "index", its name or text)."""

_STEP = re.compile(r"\.(?P<name>[A-Za-z]\w*)|\[(?P<index>\d+)\]")
_IDENTIFIER = re.compile(r"[A-Za-z]\w*")
_FUNCTIONS = {"as": "type", "ofType": "type", "where": "where", "extension": "extension"}
_RESOLVES_TO = re.compile(r"resolve\(\)\s+is\s+([A-Z]\w*)")


@dataclass(frozen=True, slots=True)
class Path:
    """One alternative of an expression: the root's name and the steps from there."""

    root: str
    steps: tuple[Step, ...]

    @property
    def target(self) -> str | None:
        """Type T of a last step `where(resolve() is T)`."""
        if not self.steps or self.steps[-1][0] != "where":
            return None
        match = _RESOLVES_TO.fullmatch(self.steps[-1][1])
        return match[1] if match else None

    def without_target(self) -> "Path":
        """Give the path before its `where(resolve() is T)`."""
        return Path(self.root, self.steps[:-1]) if self.target else self


def split_alternatives(expression: str) -> list[str]:
    """Split at every `|` outside parentheses and strings, trimmed."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(expression):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if character == "|" and depth == 0:
                parts.append(expression[start:position].strip())
                start = position + 1
    return [part for part in [*parts, expression[start:].strip()] if part]


def root_of(alternative: str) -> str:
    """Give the first identifier, e.g. "Patient"; an element's name where the root is implied."""
    match = _IDENTIFIER.search(alternative)
    return match[0] if match else ""


def prune(expression: str, type_name: str, roots: set[str]) -> str:
    """Keep the alternatives that start at a type, with their roots renamed to it.

    Args:
        expression: as published, for all its bases.
        type_name: the type it is used on, e.g. "Observation".
        roots: names its root may have there, e.g. {"Observation", "DomainResource", "Resource"}.
    """
    kept = []
    for alternative in split_alternatives(expression):
        root = root_of(alternative)
        if root in roots:
            kept.append(re.sub(rf"\b{root}\b", type_name, alternative, count=1))
        elif root[:1].islower():
            kept.append(f"{type_name}.{alternative}")
    return " | ".join(kept)


def parse_path(alternative: str) -> Path | None:
    """Parse one alternative; None where it is more than a path."""
    text = alternative.strip()
    if text.startswith("("):
        end = _closing(text, 0)
        inner, rest = text[1:end], text[end + 1 :]
        base, _, cast = inner.partition(" as ")
        path = parse_path(base)
        if path is None:
            return None
        start = Path(path.root, (*path.steps, ("type", cast.strip()))) if cast else path
    else:
        match = _IDENTIFIER.match(text)
        if match is None:
            return None
        start, rest = Path(match[0], ()), text[match.end() :]
    steps = list(_steps(rest))
    return None if ("opaque", "") in steps else Path(start.root, (*start.steps, *steps))


def _steps(text: str) -> Iterator[Step]:
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            yield "opaque", ""
            return
        position = match.end()
        name = match["name"]
        if name is None:
            yield "index", match["index"]
        elif text[position : position + 1] != "(":
            yield "child", name
        else:
            end = _closing(text, position)
            yield (
                _FUNCTIONS.get(name, "opaque"),
                (text[position + 1 : end].strip() if name in _FUNCTIONS else ""),
            )
            position = end + 1


def _closing(text: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    raise ValueError(f"unbalanced parentheses in {text!r}")
