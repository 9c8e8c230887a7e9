"""Which extractors made the index rows of the resources that are live.

Both statements read the index of that number alone. The first goes from number to number, from the
highest down, and finds what was stored last of each: reindexing begins with what was stored first,
so that is where rows of an older one are left.
"""

from collections.abc import Mapping
from typing import Any

from psycopg import Connection

_NUMBERS = """
WITH RECURSIVE found (extractor) AS (
    (SELECT extractor FROM resource WHERE state = 1 ORDER BY extractor DESC LIMIT 1)
    UNION ALL
    SELECT (SELECT r.extractor FROM resource r WHERE r.state = 1 AND r.extractor < f.extractor
            ORDER BY r.extractor DESC LIMIT 1)
    FROM found f WHERE f.extractor IS NOT NULL
)
SELECT extractor FROM found WHERE extractor IS NOT NULL
"""
_COUNTS = "SELECT extractor, count(*) FROM resource WHERE state = 1 GROUP BY extractor"


def extractors(connection: Connection[Any]) -> frozenset[int]:
    """List the numbers (`extractor_of`) of whatever made rows that are there."""
    return frozenset(number for (number,) in connection.execute(_NUMBERS).fetchall())


def counts_by_extractor(connection: Connection[Any]) -> Mapping[int, int]:
    """Count live resources by the number of what made their rows."""
    return dict(connection.execute(_COUNTS).fetchall())
