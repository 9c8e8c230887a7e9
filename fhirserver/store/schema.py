"""The tables, in one place for readers; `migrations/` creates them.

resource     identity and current version of everything that has an id
  rid        row id, unique over all types, never reused; allocated in blocks of RID_BLOCK
  pat        rid of its home Patient compartment; its own rid outside every compartment
  tid, id    resource type number and logical id; unique
  state      State below; an absent row is an identity that something refers to
  version, updated, method   of the current version; updated in epoch microseconds
  xact       transaction that wrote it: rows become visible in commit order, not in this one
  present    sorted search parameter numbers that have a value (`:missing`); negative as well where
             no row of it gives the resource a place in an order
  extractor  version of the extractor that made the index rows
  keys       the index rows as written, packed (see packed_keys); updates diff against it
  body       compact JSON, exactly what a read returns; NULL unless live
history      superseded versions: once a row is here it never changes
token string date ref quantity composite narrative content   index rows: one per value and
             compartment patient (at most COPIES_MAX patients); `home` marks exactly one copy of
             each value
  sp         search parameter number; ref rows of NOT_SEARCHED are references that no
             parameter covers, kept so that a delete finds every referrer
  dt         main clinical date, epoch microseconds, for sorting by it; MIN_US if none
contained    resources inside others, with row ids of their own from the same sequence; no other
             query sees them
  container  rid of the resource that holds it, and has its compartments
  place      number among what is contained; -1 for the first entry of a Bundle
contained_token ...   their index rows, with `pat` and `home` as the container's
both_token ...        views of ordinary and contained rows together; `both_resource` of the
             resources, without what contained ones do not have
compartment  membership of resources in more than COPIES_MAX compartments; the index rows of
             those carry pat = their own rid
binary_content, binary_chunk   contents of Binaries that are too large for a row; see contents
search_parameter   search parameters of one's own, one row per type and code; see search_registry
search_registry    the version of what that table says; one row, none before the first change
audit        one row per interaction, partitioned by month, in the same transaction; append-only
  rids       the resources that a page of a search or a history showed
  reason     the rule by which something was refused
audit_seal   a chain over the rows of `audit` in the order of their commits; see audit_trail
audit_position, audit_patient   how far the chain is; which rows tell of whose compartment
outbox       one row per change; `number` is assigned after commit, so it has no gaps
job, lease   background work: whoever holds a lease works until `expires`; `fence` grows with
             every new owner, and a step of an older fence is refused; `key` is the address of
             one that has its answer in its own row once it has `ended`
job_entry    answers to the entries of a batch that are done, while its job is not
idempotency, idempotency_entry   first answers by caller and Idempotency-Key; see kept_answers
account, account_patient, account_recovery, account_session, login_attempt
             people who log in; see fhirserver.identity. login_attempt counts registrations too
oauth_client, oauth_grant, oauth_token, oauth_code, oauth_authorization, oauth_launch, oauth_consent
             that; see fhirserver.smart

Instants are epoch microseconds; ids and codes compare by byte.
"""

from enum import IntEnum

from fhirserver.model.stored import Method

EXPECTED_REVISION = "0026"
RID_BLOCK = 1000
COPIES_MAX = 8
NOT_SEARCHED = 0

INDEX_TABLES = (
    "token",
    "string",
    "date",
    "ref",
    "quantity",
    "composite",
    "narrative",
    "content",
)


class State(IntEnum):
    """What a row of `resource` stands for."""

    ABSENT = 0
    LIVE = 1
    DELETED = 2


METHODS: tuple[Method, ...] = ("POST", "PUT", "PATCH", "DELETE")


def method_number(method: Method) -> int:
    """Return the number that stands for a method in the tables, 1 to 4."""
    return METHODS.index(method) + 1


def method_name(number: int) -> Method:
    """Return the method that a number in the tables stands for."""
    return METHODS[number - 1]
