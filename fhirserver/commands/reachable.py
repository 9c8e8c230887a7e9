"""Whether a PostgreSQL answers, and if not, which and why; passwords are never said.

Spec: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING
"""

import sys

from fhirserver.commands.command_error import CommandError

_TIMEOUT_S = 10
_FORM = (
    "write it like postgresql://user:password@host:5432/database, and characters such as @ : / "
    "in a password as %40 %3A %2F, in --database-url or FHIRSERVER_DATABASE_URL"
)


def check_reachable(url: str) -> None:
    """Connect once.

    Args:
        url: a connection URL of PostgreSQL, or key=value words.

    Raises:
        CommandError: it is no such URL (exit code 2), or nobody answers there.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        named = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise CommandError(f"the database URL is none of PostgreSQL; {_FORM}", 2) from None
    if any("@" in str(named.get(key, "")) for key in ("host", "port", "dbname")):
        # Part of a password may have become part of them: quote nothing.
        raise CommandError(f"the database URL has more than one @ or a / before it; {_FORM}", 2)
    try:
        psycopg.connect(make_conninfo("", **{"connect_timeout": _TIMEOUT_S, **named})).close()
    except psycopg.OperationalError as error:
        place = f"{named.get('host', 'localhost')}:{named.get('port', 5432)}"
        who = ", ".join(f"{key} {named[key]}" for key in ("dbname", "user") if key in named)
        raise CommandError(
            f"cannot reach PostgreSQL at {place}{f' ({who})' if who else ''}: {_reason(error)}. "
            "See that it runs, and check --database-url or FHIRSERVER_DATABASE_URL."
        ) from None


def database_error(error: Exception) -> str | None:
    """Say what a database said no to; None for an error that is not a database's.

    Args:
        error: psycopg's, or SQLAlchemy's around it. Who imported neither cannot meet one.
    """
    psycopg = sys.modules.get("psycopg")
    original = getattr(error, "orig", error)
    if psycopg is None or not isinstance(original, psycopg.Error):
        return None
    return f"the database says: {original.diag.message_primary or _reason(original)}"


def _reason(error: Exception) -> str:
    """Shorten libpq's message to its reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    failed = next((line for line in lines if "failed: " in line), lines[0] if lines else "")
    return failed.rpartition("failed: ")[2].rstrip(".")
