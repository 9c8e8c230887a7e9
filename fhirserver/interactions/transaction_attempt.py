"""One attempt at a transaction, from its first lock to its last answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fhirserver.access import AuthContext
from fhirserver.audit import audit_row
from fhirserver.errors import FhirError, Issue
from fhirserver.interactions.bundle_request import perform
from fhirserver.interactions.covered import refuse_foreign
from fhirserver.interactions.create import create_change, still_there
from fhirserver.interactions.delete import delete_change, record_nothing, respond_deleted
from fhirserver.interactions.labels import refuse_relabelling
from fhirserver.interactions.patch import Patching, respond_patched
from fhirserver.interactions.prepare import Prepared
from fhirserver.interactions.read import present, visible
from fhirserver.interactions.respond import respond, respond_matched
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.transaction_entries import Entry, at_entry, with_issues
from fhirserver.interactions.transaction_plan import TransactionPlan
from fhirserver.interactions.transaction_resolution import (
    ResolvedWrite,
    resolve_references,
    resolve_writes,
)
from fhirserver.interactions.types import Result, Services
from fhirserver.interactions.update import refuse_sent_id, update_change
from fhirserver.interactions.writing import (
    apply_changes,
    is_hidden,
    is_unchanged,
    refuse_takeover,
)
from fhirserver.model.stored import StoredResource
from fhirserver.search.extract import extract
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.read import read as read_stored
from fhirserver.store.write import Change, WriteSession, Written

_INTERACTIONS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_IDENTITY = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)


class Attempt:
    """Runs a planned transaction in one session.

    Args:
        services: what interactions work with.
        auth: the caller.
        plan: what to do; stays unchanged but for the links in the bodies, which are set anew.
        session: the database transaction.
    """

    def __init__(
        self, services: Services, auth: AuthContext, plan: TransactionPlan, session: WriteSession
    ) -> None:
        inside = SessionDatabase(services.database, session)
        self._services = replace(services, database=inside)
        self._auth = auth
        self._plan = plan
        self._session = session

    def run(self) -> dict[int, Result]:
        """Do everything.

        Returns:
            The answer to each entry, by its index.

        Raises:
            FhirError: the first entry that fails, named.
        """
        resolved = resolve_writes(self._services, self._auth, self._session, self._plan.writes)
        self._fill_links(resolved)
        results = self._write([each for each in resolved if each.is_written])
        for each in resolved:
            if not each.is_written:
                results[each.plan.entry.index] = self._unwritten(each)
        for entry in self._plan.reads:
            try:
                results[entry.index] = perform(self._services, self._auth, entry)
            except FhirError as error:
                raise at_entry(error, entry.path) from None
        return results

    def _fill_links(self, resolved: Sequence[ResolvedWrite]) -> None:
        if not any(each.plan.places for each in resolved):
            return
        found = resolve_references(self._services, self._auth, self._session, resolved)
        targets: list[str | None] = [None] * len(self._plan.entries)
        for each in resolved:
            targets[each.plan.entry.index] = each.target
        versions = self._versions(resolved)
        for each in resolved:
            if each.is_written:
                self._plan.links.fill(each.plan.places, targets, versions, found)

    def _versions(self, resolved: Sequence[ResolvedWrite]) -> dict[int, int]:
        """Foretell the versions that references name: one more than what is stored."""
        named = {place.entry for each in resolved for place in each.plan.places if place.versioned}
        writes = [each for each in resolved if each.plan.entry.index in named and each.id]
        if not writes:
            return {}
        stored = self._session.lock([(each.plan.type, each.id or "") for each in writes])
        versions = {}
        for each in writes:
            current = stored[each.plan.type, each.id or ""]
            version = 0 if current is None else current.version
            versions[each.plan.entry.index] = version + (1 if each.is_written else 0)
        return versions

    def _write(self, writes: Sequence[ResolvedWrite]) -> dict[int, Result]:
        results: dict[int, Result] = {}
        planned: list[tuple[ResolvedWrite, Change, Sequence[Issue]]] = []
        stored = self._lock(writes)
        for each in writes:
            current = stored.get((each.plan.type, each.id or ""))
            try:
                change, issues = self._change(each, current)
                refuse_relabelling(self._services, self._auth, self._session, change, current)
            except FhirError as error:
                raise at_entry(error, each.plan.entry.path) from None
            if change.content is None and self._is_hidden(each, change):
                continue  # its answer is that of a delete that found nothing
            if current is not None and is_unchanged(change, current):
                results[each.plan.entry.index] = self._unchanged(each, current, issues)
            else:
                planned.append((each, change, issues))
        if planned:
            results |= self._apply(planned)
        for each in writes:
            if each.plan.entry.index not in results:
                prefer = each.plan.entry.options.prefer
                results[each.plan.entry.index] = respond_deleted([], each.target or "", prefer)
        return results

    def _is_hidden(self, write: ResolvedWrite, change: Change) -> bool:
        """Whether a delete means what the caller may not see; it is recorded, and does nothing."""
        decision = write.plan.decision
        try:
            hidden = is_hidden(self._services, self._auth, decision, self._session, change)
        except FhirError as error:
            raise at_entry(error, write.plan.entry.path) from None
        if hidden:
            place = change.type, change.id
            record_nothing(self._services, self._session, place, self._audit_row(write))
        return hidden

    def _lock(
        self, writes: Sequence[ResolvedWrite]
    ) -> dict[tuple[str, str], StoredResource | None]:
        """Lock what is updated, patched or deleted, all in one statement."""
        targets = [
            (each.plan.type, each.id or "") for each in writes if each.plan.entry.method != "POST"
        ]
        return self._session.lock(targets) if targets else {}

    def _apply(
        self, planned: Sequence[tuple[ResolvedWrite, Change, Sequence[Issue]]]
    ) -> dict[int, Result]:
        writes = [each for each, _, _ in planned]
        changes = [change for _, change, _ in planned]
        rows = [self._audit_row(each) for each in writes]
        try:
            written = apply_changes(self._services, self._auth, self._session, changes, rows)
        except FhirError as error:
            raise _placed(error, writes) from error
        results: dict[int, Result] = {}
        deleted: dict[int, list[Written]] = {}
        for (each, _, issues), done in zip(planned, written, strict=True):
            entry = each.plan.entry
            if entry.method == "DELETE":
                gone = deleted.setdefault(entry.index, [])
                gone.append(done)
                prefer = entry.options.prefer
                results[entry.index] = respond_deleted(gone, each.target or "", prefer)
            else:
                results[entry.index] = self._answer(entry, done, issues)
        return results

    def _change(
        self, write: ResolvedWrite, current: StoredResource | None
    ) -> tuple[Change, Sequence[Issue]]:
        plan, entry = write.plan, write.plan.entry
        assert write.id is not None
        if plan.patch is not None:
            patching = Patching(self._services, self._auth, plan.patch, entry.options)
            patched, change = patching.change(self._session, plan.type, write.id)
            return change, patched.issues
        if entry.method == "DELETE":
            return delete_change(plan.type, write.id, entry.options), ()
        services, auth, place = self._services, self._auth, (plan.type, write.id)
        creates = plan.condition is not None and not write.matched
        decision = plan.decision
        if creates and entry.method == "PUT":
            refuse_sent_id(decision, plan.type, (entry.resource or {}).get("id"))
        prepared = self._prepared(write)
        refuse_foreign(services, auth, decision, prepared.content, prepared.rows, "/".join(place))
        if entry.method == "POST":
            return create_change(prepared), plan.issues
        if not creates:
            refuse_takeover(services, auth, decision, current, place)
        return update_change(prepared, entry.options, creates=creates), plan.issues

    def _unchanged(
        self, write: ResolvedWrite, current: StoredResource, issues: Sequence[Issue]
    ) -> Result:
        """Answer an update whose content is what is stored; it is audited like any other."""
        read_stored(self._services.database, current.type, current.id, self._audit_row(write))
        done = Written(current, created=False, changed=False)
        return self._answer(write.plan.entry, done, issues)

    def _answer(self, entry: Entry, done: Written, issues: Sequence[Issue]) -> Result:
        prefer = entry.options.prefer
        if entry.method == "PATCH":
            return respond_patched(self._services, self._auth, done, prefer, issues)
        return respond(self._services, self._auth, done, prefer, issues)

    def _prepared(self, write: ResolvedWrite) -> Prepared:
        """Extract index rows now that the links are filled in; validation was before."""
        content = write.plan.content
        assert content is not None
        assert write.id is not None
        if content["id"] != write.id:
            content = {**content, "id": write.id}
        rows = extract(
            content,
            definitions=self._services.definitions,
            base_url=self._services.settings.public_url,
        )
        return Prepared(content, rows, tuple(write.plan.issues))

    def _audit_row(self, write: ResolvedWrite) -> AuditRow:
        wanted = write.plan.condition
        interaction = _INTERACTIONS[write.plan.entry.method]
        return audit_row(self._auth, interaction, None if wanted is None else wanted.pairs)

    def _unwritten(self, write: ResolvedWrite) -> Result:
        """Answer a create that found its match, or a delete that found nothing."""
        entry = write.plan.entry
        if write.id is None:
            place = write.plan.type, None
            record_nothing(self._services, self._session, place, self._audit_row(write))
            return respond_deleted([], write.plan.type, entry.options.prefer)
        found = read_stored(
            self._services.database, write.plan.type, write.id, self._audit_row(write)
        )
        named = f"{write.plan.type}/{write.id}"
        seen = visible(self._services, self._auth, write.plan.decision, still_there(found))
        stored, _ = present(seen, named)
        return respond_matched(self._services, self._auth, stored, entry.options.prefer)


def _placed(error: FhirError, writes: Sequence[ResolvedWrite]) -> FhirError:
    """Name the entries in the store's errors, which name resources: first the one that is wrong."""
    paths = {each.target: each.plan.entry.path for each in writes}
    issues: list[Issue] = []
    for issue in error.issues:
        named = (paths.get(each) for each in _IDENTITY.findall(issue.diagnostics))
        path = next((each for each in named if each is not None), None)
        text = _with_others(issue.diagnostics, paths, path)
        rooted = with_issues(error, [replace(issue, diagnostics=text)])
        issues.extend((rooted if path is None else at_entry(rooted, path)).issues)
    return with_issues(error, issues)


def _with_others(text: str, paths: Mapping[str | None, str], path: str | None) -> str:
    """Put its entry behind every resource of the Bundle that a text names, but that at `path`."""

    def placed(match: re.Match[str]) -> str:
        other = paths.get(match[0])
        return match[0] if other in (None, path) else f"{match[0]} ({other})"

    return _IDENTITY.sub(placed, text)
