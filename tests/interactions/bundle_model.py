"""What a batch or transaction must do, told by a dict of version lists.

Spec: https://hl7.org/fhir/R4/http.html#trules

Patients have an identifier and a flag, Basics a subject. An entry is an `Ask`; conditions are held
against the identifier. The model knows when a Bundle must fail and which statuses may say so, and
else the status of each entry and what is stored afterwards. Ids that the server will choose stand
as "new-3", 3 being the entry's place, until `Model.accept` learns them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

SYSTEM = "http://s"
Name = tuple[str, str]
Content = dict[str, Any]
RANK = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3}


@dataclass(frozen=True)
class Ask:
    """One entry.

    Attributes:
        method: of HTTP.
        type: "Patient" or "Basic".
        id: what the address names; None for a type's.
        condition: identifier that the address or ifNoneExist asks for; None for none.
        value, active: content of a Patient; a patch sets `active`.
        subject: of a Basic: "Patient/p1", "Patient?identifier=...", or "#2" for the third entry.
        if_match: version; None for none.
        only_create: ifNoneMatch with an asterisk.
    """

    method: str
    type: str = "Patient"
    id: str | None = None
    condition: str | None = None
    value: str = "a"
    active: bool = True
    subject: str = ""
    if_match: int | None = None
    only_create: bool = False

    def entry(self, place: int) -> dict[str, Any]:
        """Write it as an entry of a Bundle."""
        request: dict[str, Any] = {"method": self.method, "url": self.type}
        if self.id is not None:
            request["url"] += f"/{self.id}"
        if self.condition is not None:
            query = f"identifier={SYSTEM}|{self.condition}"
            if self.method == "POST":
                request["ifNoneExist"] = query
            else:
                request["url"] += f"?{query}"
        if self.if_match is not None:
            request["ifMatch"] = f'W/"{self.if_match}"'
        if self.only_create:
            request["ifNoneMatch"] = "*"
        made: dict[str, Any] = {"request": request}
        if self.method in ("POST", "PUT"):
            made |= {"fullUrl": full_url(place), "resource": self.content(self.id)}
        if self.method == "PATCH":
            made["resource"] = self._patch()
        return made

    def content(self, id: str | None) -> Content:
        """Make the resource, with an id or without."""
        made: Content = {"resourceType": self.type} | ({} if id is None else {"id": id})
        if self.type == "Patient":
            identifier = [{"system": SYSTEM, "value": self.value}]
            return {**made, "identifier": identifier, "active": self.active}
        subject = full_url(int(self.subject[1:])) if self.subject[:1] == "#" else self.subject
        return {**made, "code": {"text": "x"}, "subject": {"reference": subject}}

    def _patch(self) -> Content:
        change = json.dumps([{"op": "replace", "path": "/active", "value": self.active}])
        return {
            "resourceType": "Binary",
            "contentType": "application/json-patch+json",
            "data": base64.b64encode(change.encode()).decode(),
        }


def full_url(place: int) -> str:
    """Give the fullUrl of an entry."""
    return f"urn:uuid:00000000-0000-0000-0000-{place:012}"


@dataclass
class Settled:
    """What must come of a Bundle.

    Attributes:
        faults: statuses of which one must be the answer; none where it must succeed.
        statuses: of the entries, by place.
        found: ids that each search finds, by place.
    """

    faults: set[int] = field(default_factory=set)
    statuses: dict[int, int] = field(default_factory=dict)
    found: dict[int, set[str]] = field(default_factory=dict)


@dataclass
class Target:
    """A write and the resource that it means; `matched` where a condition selected that."""

    place: int
    ask: Ask
    name: Name | None
    matched: bool = False

    @property
    def is_written(self) -> bool:
        """Not for a create that found its match, or a delete that found nothing."""
        return self.name is not None and not (self.matched and self.ask.method == "POST")


class Model:
    """What is stored: each version's content, oldest first, None for a delete."""

    def __init__(self, versions: dict[Name, list[Content | None]] | None = None) -> None:
        self.versions = versions or {}

    def live(self, name: Name | None) -> Content | None:
        """Give the current content; None where there is none."""
        return self.versions[name][-1] if name in self.versions else None

    def matches(self, type: str, value: str) -> set[str]:
        """Find ids by identifier."""
        wanted = [{"system": SYSTEM, "value": value}]
        return {
            id
            for (type_, id) in self.versions
            if type_ == type and (self.live((type_, id)) or {}).get("identifier") == wanted
        }

    def batch(self, asks: Sequence[Ask]) -> Settled:
        """Do every entry as if it came alone, and tell what must be answered."""
        told = Settled()
        for place, ask in in_order(asks):
            one = self._settle([(place, ask)])
            told.statuses[place] = min(one.faults) if one.faults else one.statuses[place]
            told.found |= one.found
        return told

    def transaction(self, asks: Sequence[Ask]) -> Settled:
        """Do all entries or none, and tell what must be answered."""
        return self._settle(in_order(asks))

    def accept(self, ids: dict[str, str]) -> None:
        """Learn the ids that the server has chosen, by the names they had until now."""
        text = json.dumps([[*name, kept] for name, kept in self.versions.items()])
        for placeholder, id in ids.items():
            text = text.replace(f'"{placeholder}"', f'"{id}"').replace(
                f'"Patient/{placeholder}"', f'"Patient/{id}"'
            )
        self.versions = {(type, id): kept for type, id, kept in json.loads(text)}

    def _settle(self, asks: Sequence[tuple[int, Ask]]) -> Settled:
        try:
            targets = self._targets([each for each in asks if each[1].method != "GET"])
        except _RefusedError as refused:
            return Settled({refused.status})
        after = Model({name: list(kept) for name, kept in self.versions.items()})
        told = Settled()
        for target in targets:
            fault = self._fault(target)
            if fault is not None:
                told.faults.add(fault)
            else:
                told.statuses[target.place] = after.write(target)
        told.faults |= after.link(targets)
        told.faults |= after.read([each for each in asks if each[1].method == "GET"], told)
        if not told.faults:
            self.versions = after.versions
        return told

    def _targets(self, writes: Iterable[tuple[int, Ask]]) -> list[Target]:
        """Find what each write means, before any is done; deletes stand first.

        Raises:
            _RefusedError: 412 or 404 by a condition, 400 where two write the same.
        """
        targets: list[Target] = []
        deleted: set[Name | None] = set()
        for place, ask in writes:
            target = self._target(place, ask, deleted)
            if ask.method == "DELETE":
                deleted.add(target.name)
            targets.append(target)
        written = [each.name for each in targets if each.is_written]
        fresh = [
            each.ask.condition
            for each in targets
            if each.is_written and each.ask.condition is not None and not each.matched
        ]
        if len(set(written)) < len(written) or len(set(fresh)) < len(fresh):
            raise _RefusedError(400)
        return targets

    def _target(self, place: int, ask: Ask, deleted: set[Name | None]) -> Target:
        fresh = (ask.type, f"new-{place}")
        if ask.condition is None:
            return Target(place, ask, fresh if ask.id is None else (ask.type, ask.id))
        found = {(ask.type, id) for id in self.matches(ask.type, ask.condition)}
        if ask.method == "POST":
            found -= deleted
        if len(found) > 1:
            raise _RefusedError(412)
        if found:
            return Target(place, ask, found.pop(), matched=True)
        if ask.method == "PATCH":
            raise _RefusedError(404)
        return Target(place, ask, None if ask.method == "DELETE" else fresh)

    def _fault(self, target: Target) -> int | None:
        """Give the status of a precondition that does not hold."""
        ask, name = target.ask, target.name
        if not target.is_written or name is None:
            return None
        live = self.live(name) is not None
        if ask.method == "PATCH" and not live:
            return 410 if name in self.versions else 404
        version = len(self.versions.get(name, ()))
        if ask.if_match is not None and not (live and ask.if_match == version):
            return 412
        return 412 if ask.only_create and live else None

    def write(self, target: Target) -> int:
        """Write, and give the status; what would change nothing makes no version."""
        ask, name = target.ask, target.name
        if not target.is_written or name is None:
            return 204 if ask.method == "DELETE" else 200
        live = self.live(name)
        kept = self.versions.setdefault(name, [])
        if ask.method == "DELETE":
            if live is None:
                kept or self.versions.pop(name)
            else:
                kept.append(None)
            return 204
        content = ask.content(name[1])
        if ask.method == "PATCH":
            content = {**(live or {}), "active": ask.active}
        if content != live:
            kept.append(content)
        return 200 if live is not None else 201

    def link(self, targets: Sequence[Target]) -> set[int]:
        """Fill in references of what was written; give the statuses that refuse them."""
        faults = set()
        meant = {full_url(each.place): each.name for each in targets}
        for target in targets:
            kept = self.versions.get(target.name or ("", ""), [None])
            content = kept[-1]
            if content is None or "subject" not in content or not target.is_written:
                continue
            reference = content["subject"]["reference"]
            if reference in meant:
                name = meant[reference]
            elif "?" in reference:
                found = self.matches("Patient", reference.rpartition("|")[2])
                name = ("Patient", found.pop()) if len(found) == 1 else None
                if name is None:
                    faults.add(412)
                    continue
            else:
                name = ("Patient", reference.partition("/")[2])
            content["subject"] = {"reference": "/".join(name or ("", ""))}
            if len(kept) > 1 and kept[-2] == content:
                kept.pop()
        return faults | ({409} if self._dangling() else set())

    def _dangling(self) -> bool:
        contents = (kept[-1] for kept in self.versions.values())
        subjects = (each["subject"]["reference"] for each in contents if each and "subject" in each)
        return any(self.live(("Patient", each.partition("/")[2])) is None for each in subjects)

    def read(self, reads: Iterable[tuple[int, Ask]], told: Settled) -> set[int]:
        """Answer the GETs; give the statuses of those that fail."""
        faults = set()
        for place, ask in reads:
            told.statuses[place] = 200
            if ask.condition is not None:
                told.found[place] = self.matches(ask.type, ask.condition)
            elif self.live((ask.type, ask.id or "")) is None:
                faults.add(410 if (ask.type, ask.id) in self.versions else 404)
        return faults


class _RefusedError(Exception):
    """The Bundle must fail with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def in_order(asks: Sequence[Ask]) -> list[tuple[int, Ask]]:
    """Give entries with their places in R4's order of processing."""
    return sorted(enumerate(asks), key=lambda each: RANK[each[1].method])
