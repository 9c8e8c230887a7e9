"""Whom a clinician treats: the patients that their records tie to a practitioner now.

Spec: https://hl7.org/fhir/R4/security.html#6.1.0, 45 CFR 164.502(b)

    Patient.generalPractitioner     as long as it says so
    CareTeam.participant.member     while it is active, and until the grace after its period
    Encounter.participant           from planned to finished, and until the grace after its end
    EpisodeOfCare.careManager       the same
    Appointment.participant.actor   until the grace after its time, whatever came of it

A Patient ties to itself only, whatever other records it is linked to, or who may write one record
would have the other by a link. A CareTeam ties to its subject, and not to a relative who belongs to
it. A reference to a PractitionerRole that is in force counts as one to its practitioner. What was
cancelled, refused or entered in error ties nobody, and neither does a resource in more than
COPIES_MAX patients' compartments: a group session of a hundred makes no hundred relations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from fhirserver.definitions import Definitions
from fhirserver.store import binary
from fhirserver.store.statement import Statement, StoreConnection, run, statement


@dataclass(frozen=True, slots=True)
class CareRule:
    """One kind of resource that ties a practitioner to the patients in whose compartments it lies.

    Attributes:
        type: resource type.
        member: search parameter that refers to the practitioner.
        subject: search parameter that refers to whom it ties to; "_id" for itself, "" for everybody
            in whose compartment it lies.
        lasting: values of `status` with which it ties until the grace after its time, and without
            end where it has none.
        past: values with which it ties for the grace after its time only.
    """

    type: str
    member: str
    subject: str = ""
    lasting: tuple[str, ...] = ()
    past: tuple[str, ...] = ()


CARE_RULES = (
    CareRule("Patient", "general-practitioner", "_id"),
    CareRule("CareTeam", "participant", "patient", ("active",), ("inactive",)),
    CareRule(
        "Encounter",
        "participant",
        lasting=("planned", "arrived", "triaged", "in-progress", "onleave"),
        past=("finished",),
    ),
    CareRule(
        "EpisodeOfCare",
        "care-manager",
        lasting=("planned", "waitlist", "active", "onhold"),
        past=("finished",),
    ),
    CareRule(
        "Appointment",
        "actor",
        past=("pending", "booked", "arrived", "checked-in", "fulfilled"),
    ),
)

_RELATED = """
WITH named AS MATERIALIZED (
    SELECT n.rid FROM resource n WHERE n.tid = {tid} AND n.id = {id} AND n.state = 1),
selves AS MATERIALIZED (
    SELECT rid FROM named
    UNION ALL
    SELECT x.rid FROM ref x JOIN named ON x.target = named.rid
    WHERE x.sp = {role_of} AND x.home
      AND NOT EXISTS (SELECT FROM token t
          WHERE t.sp = {role_active} AND t.code = 'false' AND t.pat = x.pat AND t.rid = x.rid)
      AND NOT EXISTS (SELECT FROM date d
          WHERE d.sp = {role_date} AND d.pat = x.pat AND d.rid = x.rid AND d.hi <= :now::bigint))
SELECT DISTINCT p.id
FROM ({links}) tied CROSS JOIN LATERAL (
    SELECT p.id FROM resource p
    WHERE p.rid = tied.pat AND p.tid = {patient} AND p.state = 1 OFFSET 0) p
"""
_LINK = """SELECT x.pat FROM selves CROSS JOIN LATERAL (
    SELECT x.pat, x.rid FROM ref x WHERE x.sp = {sp} AND x.target = selves.rid{{of}} OFFSET 0) x
    WHERE TRUE"""
_ITSELF = " AND x.pat = x.rid"
_ITS_SUBJECT = """ AND EXISTS (SELECT FROM ref s
    WHERE s.sp = {sp} AND s.target = x.pat AND s.pat = x.pat AND s.rid = x.rid OFFSET 0)"""
_STATUS = """EXISTS (SELECT FROM token t WHERE t.sp = {sp}
    AND t.code = ANY('{{{codes}}}') AND t.pat = x.pat AND t.rid = x.rid OFFSET 0)"""
_TIMED = """EXISTS (SELECT FROM date d
    WHERE d.sp = {sp} AND d.pat = x.pat AND d.rid = x.rid OFFSET 0)"""
_OVER = """EXISTS (SELECT FROM date d
    WHERE d.sp = {sp} AND d.pat = x.pat AND d.rid = x.rid AND d.hi <= :since::bigint OFFSET 0)"""
"""OFFSET 0 keeps PostgreSQL from listing what all practitioners are tied to, and joining that: the
plan is kept, and may date from when there was little of it."""


def related_patients(
    connection: StoreConnection,
    definitions: Definitions,
    practitioner: tuple[str, str],
    *,
    now_us: int,
    grace_us: int,
) -> tuple[str, ...]:
    """List the patients that a practitioner treats.

    Args:
        connection: in a transaction or not.
        definitions: number types and search parameters.
        practitioner: type and logical id, e.g. ("Practitioner", "7").
        now_us: instant of the request, epoch microseconds.
        grace_us: how long a relation outlives what made it, microseconds.

    Returns:
        Logical ids, sorted; none where the practitioner is not stored.
    """
    type_, id_ = practitioner
    arguments = {
        "tid": binary.int2(definitions.type_id(type_)),
        "id": id_.encode(),
        "now": binary.int8(now_us),
        "since": binary.int8(now_us - grace_us),
    }
    found = run(connection, _statement(definitions), arguments)
    values = (found.get_value(row, 0) for row in range(found.ntuples))
    return tuple(value.decode() for value in values if value is not None)


@lru_cache(maxsize=4)
def _statement(definitions: Definitions) -> Statement:
    return statement(f"{related_sql(definitions, ':tid::smallint', ':id::text')} ORDER BY p.id")


def related_sql(definitions: Definitions, tid: str, id_: str, of: str = "") -> str:
    """Write the query for the logical ids of the patients that a practitioner treats.

    Args:
        definitions: number types and search parameters.
        tid: SQL for the number of the practitioner's type, a smallint.
        id_: SQL for its logical id.
        of: SQL for the row id of the only patient that matters; "" where all do.

    Returns:
        A query of one column `id`, each once, with the parameters `now` and `since`, which is
        `now` without the grace.
    """
    roles = definitions.search_parameters("PractitionerRole")
    links = "\nUNION ALL ".join(_link(rule, definitions) for rule in CARE_RULES)
    return _RELATED.format(
        tid=tid,
        id=id_,
        links=links.replace("{of}", f" AND x.pat = {of}" if of else ""),
        patient=definitions.type_id("Patient"),
        role_of=roles["practitioner"].rows_id,
        role_active=roles["active"].rows_id,
        role_date=roles["date"].rows_id,
    )


def _link(rule: CareRule, definitions: Definitions) -> str:
    parameters = definitions.search_parameters(rule.type)
    link = _LINK.format(sp=parameters[rule.member].rows_id)
    if rule.subject == "_id":
        link += _ITSELF
    elif rule.subject:
        link += _ITS_SUBJECT.format(sp=parameters[rule.subject].rows_id)
    if not rule.past:
        return link
    status, date = parameters["status"].rows_id, parameters["date"].rows_id
    # Of a long practice nearly everything is over, so that is what is asked first.
    link += f" AND NOT {_OVER.format(sp=date)}"
    past = f"{_status(status, rule.past)} AND {_TIMED.format(sp=date)}"
    lasting = f"{_status(status, rule.lasting)} OR " if rule.lasting else ""
    return f"{link} AND ({lasting}({past}))"


def _status(sp: int, codes: Sequence[str]) -> str:
    return _STATUS.format(sp=sp, codes=",".join(codes))
