"""Variables that scripts need not declare: Touchstone's placeholders.

Spec: https://touchstone.aegis.net/touchstone/userguide/html/testscript-authoring/placeholders.html

    C1 … C20, D1 … D20, CD1 … CD20   letters, digits, both; the same all through a script's run
    CURRENTDATE, CURRENTDATETIME     now, in UTC
    CURRENTDATE, d, -1, M, 2         moved by parts: y M d H m s
    DATE, name, d, 1                 moved from a variable's date; DATETIME likewise
    UUID, UUID-NODASH                new at every use
    UUID-ST, UUID-ST-NODASH          the same all through a script's run
"""

import calendar
import random
import re
import string
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from fhirserver_conformance.engine.problem import ActionProblem

_UNIQUE = re.compile(r"(CD|C|D)([1-9]|1[0-9]|20)", re.ASCII)
_ALPHABETS = {
    "C": string.ascii_lowercase,
    "D": string.digits[1:],
    "CD": string.ascii_lowercase + string.digits[1:],
}
_LENGTHS = {"d": "days", "H": "hours", "m": "minutes", "s": "seconds"}
_MONTHS = {"y": 12, "M": 1}
_NOW = ("CURRENTDATE", "CURRENTDATETIME")
_RELATIVE = ("DATE", "DATETIME")


class Placeholders:
    """The placeholders of one script's run."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def value(self, text: str, variable: Callable[[str], str]) -> str | None:
        """Give a placeholder's value; None where it is no placeholder.

        Args:
            text: between the braces, e.g. "C8" or "CURRENTDATE, d, -1".
            variable: gives a declared variable's value.

        Raises:
            ActionProblem: its offsets cannot be read.
        """
        name, *arguments = (part.strip() for part in text.split(","))
        if _UNIQUE.fullmatch(name) and not arguments:
            return self._keep(name, _unique)
        if name.removesuffix("-NODASH") in ("UUID", "UUID-ST") and not arguments:
            return self._uuid(name)
        if name in _NOW:
            return _written(_moved(datetime.now(UTC), arguments, text), name == "CURRENTDATE")
        if name in _RELATIVE and arguments:
            start = _instant(variable(arguments[0]), text)
            return _written(_moved(start, arguments[1:], text), name == "DATE")
        return None

    def _uuid(self, name: str) -> str:
        found = self._keep("UUID-ST", _new_uuid) if "-ST" in name else _new_uuid(name)
        return found.replace("-", "") if name.endswith("-NODASH") else found

    def _keep(self, name: str, make: Callable[[str], str]) -> str:
        if name not in self._kept:
            self._kept[name] = make(name)
        return self._kept[name]


def _unique(name: str) -> str:
    kind = name.rstrip(string.digits)
    source = random.SystemRandom()
    return "".join(source.choices(_ALPHABETS[kind], k=int(name.removeprefix(kind))))


def _new_uuid(_name: str) -> str:
    return str(uuid.uuid4())


def _instant(text: str, placeholder: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ActionProblem(f"${{{placeholder}}}: '{text}' is no date to count from") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _moved(start: datetime, offsets: list[str], placeholder: str) -> datetime:
    try:
        for part, amount in zip(offsets[::2], offsets[1::2], strict=True):
            start = _moved_by(start, part[0], int(amount))
    except (ValueError, KeyError, IndexError, OverflowError):
        raise ActionProblem(
            f"${{{placeholder}}}: the offsets must be pairs of a part (y M d H m s) and a number"
        ) from None
    return start


def _moved_by(start: datetime, part: str, amount: int) -> datetime:
    if part not in _MONTHS:
        return start + timedelta(**{_LENGTHS[part]: amount})
    years, month = divmod(start.year * 12 + start.month - 1 + amount * _MONTHS[part], 12)
    last = calendar.monthrange(years, month + 1)[1]
    return start.replace(year=years, month=month + 1, day=min(start.day, last))


def _written(instant: datetime, date_only: bool) -> str:
    if date_only:
        return instant.date().isoformat()
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")
