"""What parsing a query needs to know besides the query."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fhirserver.definitions import Definitions
from fhirserver.search.params.coded import Terminology
from fhirserver.search.params.hierarchy import ALONE, Hierarchies
from fhirserver.search.terminology import R4_TERMINOLOGY


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one query may ask for; each is named in the error that it causes.

    Attributes:
        parameters: name and value pairs.
        values: alternatives of one parameter, separated by commas.
        tests: values of all parameters together, see `fhirserver.search.size`.
        chain_depth: links of a chain or of nested `_has`.
        includes: `_include` and `_revinclude` together.
        sort_keys: parameters in `_sort`.
        value_chars: length of one parameter's value.
        filter_terms: comparisons in `_filter`.
        filter_depth: parentheses and brackets within each other in `_filter`.
    """

    parameters: int = 100
    values: int = 1000
    tests: int = 5000
    chain_depth: int = 4
    includes: int = 50
    sort_keys: int = 8
    value_chars: int = 100_000
    filter_terms: int = 100
    filter_depth: int = 16


@dataclass(frozen=True, slots=True)
class SearchContext:
    """The surroundings of one query.

    Attributes:
        definitions: the R4 specification.
        base_url: this server's FHIR base without a trailing slash; None when it has none.
        now_us: instant of the request, epoch microseconds; the prefix `ap` depends on it.
        page_size: matches of a page when `_count` is absent.
        page_size_max: a larger `_count` is lowered to this.
        include_limit: included resources of a page at most.
        limits: what one query may ask for.
        lenient: unknown parameters are listed in `Query.ignored` instead of refused.
        terminology: knows value sets and code systems.
        hierarchies: knows which stored resources are parts of which.
        masks: names of elements by type that are withheld from the caller: what looks at them is
            refused.
    """

    definitions: Definitions
    base_url: str | None
    now_us: int
    page_size: int = 20
    page_size_max: int = 1000
    include_limit: int = 1000
    limits: Limits = Limits()
    lenient: bool = False
    terminology: Terminology = R4_TERMINOLOGY
    hierarchies: Hierarchies = ALONE
    masks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
