"""The page of a run: one HTML file that needs nothing else, with every request and answer.

What a server sent is hostile text. It stands in the file in base64 only (see `page_data`), the
page's script shows it as text nodes, and the page's Content-Security-Policy lets only that script
and that style sheet run, by their hashes, and no request leave.

    page.html   the frame; `$name` marks where the parts go
    page.css    looks
    body.js     bodies, laid out for reading without changing a digit
    detail.js   one test with its requests and answers
    page.js     the list: filters, unpacking, deep links
"""

import base64
import hashlib
import html
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from string import Template

from fhirserver_conformance.report.page_data import BODY_LIMIT_BYTES, detail, index_row, packed
from fhirserver_conformance.report.page_suites import suite_rows
from fhirserver_conformance.report.tally import cases_of
from fhirserver_conformance.report.text import in_a_line
from fhirserver_conformance.results import ScriptResult

_DATA = "<!-- data -->"
"""Where the packed data go."""


def page_parts(
    results: Sequence[ScriptResult], *, title: str, tester: str, issued: datetime
) -> Iterator[str]:
    """Write the page, a part at a time, so that it is never in memory as a whole. Pure.

    Args:
        results: of the run, in its order.
        title: of the page, e.g. "basic-crud, search".
        tester: who ran it.
        issued: aware instant.
    """
    style = _part("page.css")
    script = "".join(_part(name) for name in ("body.js", "detail.js", "page.js"))
    filled = Template(_part("page.html")).substitute(
        title=_text(title),
        tester=_text(tester),
        issued=issued.isoformat(" ", "seconds"),
        servers=", ".join(sorted({_text(result.base) for result in results})),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        suites=suite_rows(results),
        limit=f"{BODY_LIMIT_BYTES // 1024} KiB",
        data=_DATA,
    )
    before, _, after = filled.partition(_DATA)
    yield before
    index = [index_row(result, cases_of(result)) for result in results]
    yield _block("index", packed(index))
    for number, result in enumerate(results):
        yield _block(f"detail-{number}", packed(detail(result)))
    yield after


def _block(name: str, text: str) -> str:
    return f'<script type="text/plain" id="{name}">{text}</script>\n'


@cache
def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _text(text: str) -> str:
    return html.escape(in_a_line(text))
