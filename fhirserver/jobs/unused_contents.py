"""Forget contents of Binaries whose upload was broken off by the end of its process."""

from typing import Any

from psycopg import Connection

from fhirserver.store.contents import forget_old_contents

_AGE_S = 24 * 3600
"""Longer than an upload can take with the default settings; a longer one is refused at its end."""
_MOST = 5


def forget_unused_contents(connection: Connection[Any]) -> bool:
    """Forget some; True if more is waiting."""
    return forget_old_contents(connection, _AGE_S, _MOST) == _MOST
