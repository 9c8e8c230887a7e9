"""Resources with certain security labels, to be left out. Pure.

Spec: https://hl7.org/fhir/R4/security-labels.html

A label is a token of the parameter `_security`, which every type has a number of its own for. Who
is confined to patients needs one list of what is labelled in their compartments; for everybody else
each row is looked up by itself, for nobody knows how much is labelled in all. Labels are some of
those of `fhirserver.definitions.sensitive`, which have an index for that.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache

from fhirserver.definitions import Definitions
from fhirserver.definitions.sensitive import EXTRAORDINARY
from fhirserver.search.conditions import Fragment, Key
from fhirserver.search.extract import IndexRows

CODE = "_security"
_CODES = ", ".join(f"'{each}'" for each in EXTRAORDINARY)
# As in the predicate of the index `token_labels`, which holds few rows, by resource.
_INDEXED = f"(l.code = ANY (ARRAY[{_CODES}])) IS TRUE"
_UNLABELLED = f"""(SELECT TRUE FROM token l
    WHERE l.rid = @.rid AND l.sp = ANY(%s::smallint[]) AND l.code = ANY(%s::text[])
        AND {_INDEXED} LIMIT 1) IS NOT TRUE"""  # noqa: S608 - constants
_OF_PINNED = """SELECT l.rid FROM token l
    WHERE l.sp = ANY(%s::smallint[]) AND l.code = ANY(%s::text[])
        AND l.pat = ANY(ARRAY(
            SELECT rid FROM pinned UNION ALL
            SELECT c.rid FROM compartment c WHERE c.pat = ANY(ARRAY(SELECT rid FROM pinned))))"""


def unlabelled(types: Sequence[str], labels: Sequence[str], definitions: Definitions) -> Key:
    """Test that a resource of some types has none of some labels, by code."""
    return Key(_about(_UNLABELLED, types, labels, definitions), is_probe=True)


def labelled_of_pinned(
    types: Sequence[str], labels: Sequence[str], definitions: Definitions
) -> Fragment:
    """Select row ids of what has one of some labels.

    It lists what lies in the compartments of those whose row ids `pinned` has.
    """
    return _about(_OF_PINNED, types, labels, definitions)


def is_labelled(
    type_: str, rows: IndexRows, labels: Collection[str], definitions: Definitions
) -> bool:
    """Whether a resource has one of some labels.

    Args:
        type_: its type.
        rows: its index rows.
        labels: by code.
        definitions: the R4 specification.
    """
    (sp,) = _numbers((type_,), definitions)
    return any(of == sp and code in labels for of, _, code in rows.token)


def _about(
    text: str, types: Sequence[str], labels: Sequence[str], definitions: Definitions
) -> Fragment:
    return Fragment(text, (list(_numbers(tuple(types), definitions)), list(labels)))


@lru_cache(maxsize=1024)
def _numbers(types: tuple[str, ...], definitions: Definitions) -> tuple[int, ...]:
    return tuple(sorted(definitions.search_parameters(each)[CODE].rows_id for each in types))
