"""patch: change parts of the stored version.

Spec: https://hl7.org/fhir/R4/http.html#patch

The row is locked, the patch is applied to what is stored, and the result goes the way of every
update: same validation, same preconditions. What the server manages cannot be patched: another
type or id in the result is refused, and meta.versionId and meta.lastUpdated are the store's.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fhirserver.access import Access, AuthContext, Masks
from fhirserver.audit import audit_row
from fhirserver.errors import Issue, PreconditionFailedError, UnprocessableError
from fhirserver.interactions.conditions import condition, select_to_write, selects_none
from fhirserver.interactions.covered import refuse_foreign, sees
from fhirserver.interactions.masking import masks_of, patched_whole, shown_issues, to_patch
from fhirserver.interactions.patch_formats import PATCH_FORMATS
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import Prepared, prepare
from fhirserver.interactions.read import present, visible
from fhirserver.interactions.respond import respond
from fhirserver.interactions.types import (
    Patch,
    Preference,
    Query,
    Result,
    Services,
    WriteOptions,
)
from fhirserver.interactions.update import require_if_match
from fhirserver.interactions.writing import apply_update
from fhirserver.model.content_apart import content_apart
from fhirserver.model.json import JsonObject, JsonValue, parse_json
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.write import Change, WriteSession, Written, run_write


class Patching:
    """One patch, ready to be applied to whichever resource it turns out to mean.

    Args:
        services: what the interaction works with.
        auth: the caller.
        document: the patch.
        options: preconditions.

    Raises:
        PreconditionFailedError: If-Match is missing and required.
    """

    def __init__(
        self, services: Services, auth: AuthContext, document: Patch, options: WriteOptions
    ) -> None:
        require_if_match(services, options)
        self._services = services
        self._auth = auth
        self._document = document
        self._options = options

    def change(self, session: WriteSession, type_: str, id_: str) -> tuple[Prepared, Change]:
        """Lock the resource and make the change that patches it.

        Raises:
            NotFoundError: no such resource, or not this caller's.
            GoneError: it is deleted.
            PreconditionFailedError: If-Match does not hold.
            UnprocessableError: the patch does not fit, or its result breaks FHIR's rules.
        """
        services = self._services
        place = f"{type_}/{id_}"
        decision = permit(services, self._auth, "patch", type_, id_)
        current = session.lock([(type_, id_)])[type_, id_]
        stored, body = present(visible(services, self._auth, decision, current), place)
        expected = self._options.if_match
        if expected is not None and stored.version not in expected:
            raise PreconditionFailedError(
                f"If-Match does not hold: version {stored.version} is stored as {place}; "
                "read it again and base the patch on that.",
                expression=("http.If-Match",),
            )
        content = _kept_identity(type_, id_, self._patched(body, decision.masks))
        base_url = services.settings.public_url
        prepared = prepare(services.definitions, base_url, type_, id_, content)
        refuse_foreign(services, self._auth, decision, prepared.content, prepared.rows, place)
        change = Change(
            type=type_,
            id=id_,
            method="PATCH",
            content=prepared.content,
            rows=prepared.rows,
            expected=frozenset((stored.version,)),
            create_only=False,
        )
        return prepared, change

    def _patched(self, body: bytes, masks: Masks) -> JsonValue:
        """Apply the patch to what its caller may see, and put back what is withheld."""
        definitions = self._services.definitions
        whole = parse_json(body)
        _refuse_content_apart(whole)
        patch_format = PATCH_FORMATS[self._document.media_type]
        if not masks:
            return patch_format.apply(definitions, whole, self._document.document)
        part = to_patch(whole, masks, definitions)
        patched = patch_format.apply(definitions, part, self._document.document)
        if not isinstance(patched, dict):
            return patched
        return patched_whole(patched, whole, masks, definitions)

    def write(
        self, session: WriteSession, type_: str, id_: str, row: AuditRow
    ) -> tuple[Prepared, Written]:
        """Make the change and apply it."""
        prepared, change = self.change(session, type_, id_)
        decision = permit(self._services, self._auth, "patch", type_, id_)
        return prepared, apply_update(self._services, self._auth, decision, session, change, row)


def patch(
    services: Services,
    auth: AuthContext,
    type_: str,
    id_: str,
    document: Patch,
    options: WriteOptions | None = None,
) -> Result:
    """Patch one resource.

    Raises:
        FhirError: as `Patching` and `Patching.change`.
    """
    options = options or WriteOptions()
    patching = Patching(services, auth, document, options)
    row = audit_row(auth, "patch")
    prepared, written = run_write(
        services.database, lambda session: patching.write(session, type_, id_, row)
    )
    return respond_patched(services, auth, written, options.prefer, prepared.issues)


def patch_conditional(
    services: Services,
    auth: AuthContext,
    type_: str,
    query: Query,
    document: Patch,
    options: WriteOptions | None = None,
) -> Result:
    """Patch the one resource that a search selects.

    Raises:
        NotFoundError: the search selects none.
        MultipleMatchesError: it selects several.
        FhirError: as `patch`.
    """
    options = options or WriteOptions()
    wanted = condition(type_, query.pairs)
    patching = Patching(services, auth, document, options)
    row = audit_row(auth, "patch", wanted.pairs)

    def attempt(session: WriteSession) -> tuple[Prepared, Written]:
        session.lock_conditions([wanted.lock_key])
        match = select_to_write(services, auth, session, wanted)
        if match is None:
            raise selects_none(wanted)
        return patching.write(session, type_, match, row)

    prepared, written = run_write(services.database, attempt)
    return respond_patched(services, auth, written, options.prefer, prepared.issues)


def respond_patched(
    services: Services,
    auth: AuthContext,
    written: Written,
    prefer: Preference | None,
    issues: Sequence[Issue],
) -> Result:
    """Answer a patch as `respond` does, without the content where the caller may not read it.

    Who may change something has not seen what else stands in it.
    """
    stored = written.stored
    if prefer in (None, "representation"):
        decision = services.policy(auth, Access("read", stored.type, stored.id))
        if not (decision.allowed and sees(services, auth, decision, stored)):
            prefer = "minimal"
    remarks = partial(shown_issues, place=stored.type, masks=masks_of(services, auth))
    told = replace(written, issues=remarks(written.issues))
    return respond(services, auth, told, prefer, remarks(issues))


def _refuse_content_apart(resource: JsonObject) -> None:
    """Refuse to patch around content that is not in the resource, or to lose it by that."""
    if content_apart(resource) is not None:
        raise UnprocessableError(
            "The content of this Binary is kept apart, and no patch can take it over into a new "
            "version; send it anew by an update.",
            expression=("Binary.data",),
        )


def _kept_identity(type_: str, id_: str, content: JsonValue) -> JsonObject:
    """Require that a patch left alone what says which resource this is."""
    if not isinstance(content, dict):
        raise UnprocessableError("The patch leaves no resource behind.")
    for name, kept in (("resourceType", type_), ("id", id_)):
        if content.get(name) != kept:
            raise UnprocessableError(
                f"The patch changes {name}, which stays {kept!r} for good.",
                expression=(f"{type_}.{name}",),
            )
    return content
