"""Instants as people read them."""

from fhirserver.model.instant import format_instant


def moment(us: int) -> str:
    """Write an instant, epoch microseconds, to the minute: "2026-03-31 14:05 UTC"."""
    return f"{format_instant(us)[:16].replace('T', ' ')} UTC"
