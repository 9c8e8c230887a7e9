"""Tell whether a query means the same whatever search parameters there are besides R4's. Pure.

A query that R4's own parameters answer needs no look at the registry of others. One that other
parameters may widen does: a chain through a reference that names no type follows the types that
have the next parameter, `*` includes by all references, and a lenient search leaves out what it
does not know.
"""

from fhirserver.search.query import Chain, Clause, Criterion, Has, Query


def is_settled(query: Query) -> bool:
    """Tell it of a query that was parsed with R4's own parameters alone."""
    includes = (*query.include, *query.revinclude)
    return (
        not query.ignored
        and all(include.code != "*" for include in includes)
        and all(map(_is_settled, query.criteria))
    )


def _is_settled(clause: Clause) -> bool:
    match clause:
        case Criterion():
            return True
        case Has():
            return _is_settled(clause.clause)
        case Chain():
            return clause.qualifier is not None and all(
                _is_settled(inner) for _, inner in clause.targets
            )
        case _:  # filters and lists are rare, and a look at the registry costs little
            return False
