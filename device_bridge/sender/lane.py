"""One connection, and messages' way over it: what is there already is looked for, the rest is sent.

It may be repeated at any time: a message that was delivered half, or twice, or by two bridges at
once, comes to the same.

    nothing was there lately     create, without asking; a precondition that fails (412) says that
                                 something is there after all
    else                         ask, and send what is left

Messages that are sent together are refused together. Which of them is the poison is found by
halves: of fifty with one, some ten transactions tell it, and the others are delivered.
"""

from collections.abc import Iterable, Sequence

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.fhir.json_text import encode
from fhirserver_device_bridge.sender.fhir_client import FhirClient, RefusedError, UnreachableError
from fhirserver_device_bridge.sender.judgement import Judgement, judge
from fhirserver_device_bridge.sender.lookup import Lookup, Stored
from fhirserver_device_bridge.sender.merge import merged
from fhirserver_device_bridge.sender.reconcile import Draft, draft, held, reconcile

WAITING = ("later", "again")
_REFUSED = ("dead", "again")


class Lane:
    """Delivers messages one after the other, several in one transaction.

    Args:
        server: where to.
    """

    def __init__(self, server: Server) -> None:
        self._client = FhirClient(server)
        self._lookup = Lookup(self._client)
        self._expects_new = True

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def deliver(self, conversions: Sequence[Conversion]) -> list[Judgement]:
        """Bring what messages say to the server, and tell what became of them.

        Args:
            conversions: in their order; none writes what another writes.

        Returns:
            A judgement for each from the first on. Behind one that has to be tried again there are
            none: order is kept.
        """
        drafts = [draft(each.bundle) for each in conversions if each.bundle is not None]
        sent = iter(self._sent(drafts) if drafts else ())
        judgements: list[Judgement] = []
        for each in conversions:
            judgements.append(_decided(each) or next(sent))
            if judgements[-1].verdict in WAITING:
                break
        return judgements

    def _sent(self, drafts: list[Draft]) -> list[Judgement]:
        """Send together, and by halves what is refused; ends with the first that has to wait."""
        judgements = self._judged(drafts)
        if _is_refused(judgements) and self._looks_closer():
            judgements = self._judged(drafts)
        if not _is_refused(judgements) or len(drafts) == 1:
            return judgements
        half = len(drafts) // 2
        first = self._sent(drafts[:half])
        if any(each.verdict in WAITING for each in first):
            return first
        return [*first, *self._sent(drafts[half:])]

    def _looks_closer(self) -> bool:
        """Take nothing for granted the next time; False if nothing was.

        Something may be there already, or a device that was looked up have been deleted since.
        """
        assumed = self._expects_new
        self._expects_new = False
        return self._lookup.forget() or assumed

    def _judged(self, drafts: list[Draft]) -> list[Judgement]:
        try:
            return self._attempt(drafts)
        except UnreachableError as error:
            judgement = Judgement("later", str(error))
        except RefusedError as refused:
            judgement = judge(refused.answer)
        except Exception as defect:  # noqa: BLE001 - whatever a message does, its queue goes on
            judgement = defect_of_bridge(defect)
        return [judgement] * len(drafts)

    def _attempt(self, drafts: list[Draft]) -> list[Judgement]:
        """Send in one transaction what is not held; all of it has the same fate."""
        patients = self._lookup.matches(set().union(*(each.patients for each in drafts)))
        waits = [held(each, patients) for each in drafts]
        free = [each for each, wait in zip(drafts, waits, strict=True) if wait is None]
        stored = {**patients, **self._stored(free)}
        by_id = all(self._client.takes_ids(each) for each in _types(free))
        left = [reconcile(each, stored, by_id=by_id) for each in free]
        written = [bundle for bundle in left if bundle is not None]
        fate = Judgement("done")
        if written:
            fate = judge(self._client.transaction(encode(merged(written))))
        return [fate if wait is None else Judgement("held", wait.reason) for wait in waits]

    def _stored(self, drafts: list[Draft]) -> Stored:
        """Ask for devices, and for Observations unless there were none lately."""
        stored = dict(self._lookup.matches(set().union(*(each.devices for each in drafts))))
        if not self._expects_new:
            updated = set().union(*(each.updated for each in drafts))
            found = self._lookup.matches(updated)
            self._expects_new = not any(found.values())
            stored |= found
        return stored


def _types(drafts: Iterable[Draft]) -> set[str]:
    """Give the types of what is updated."""
    return {condition.partition("?")[0] for each in drafts for condition in each.updated}


def _is_refused(judgements: Iterable[Judgement]) -> bool:
    return any(each.verdict in _REFUSED for each in judgements)


def _decided(conversion: Conversion) -> Judgement | None:
    """Judge a message that needs no server; None for one that has something to send."""
    if conversion.rejected is not None:
        return Judgement("dead", conversion.rejected)
    if conversion.held is not None:
        return Judgement("held", conversion.held)
    return Judgement("done") if conversion.bundle is None else None


def defect_of_bridge(defect: Exception) -> Judgement:
    """Judge a message that meets a defect; only its name: its text may quote the message."""
    return Judgement("dead", f"defect of the bridge: {type(defect).__name__}")
