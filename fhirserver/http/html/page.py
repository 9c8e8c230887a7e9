"""One page per resource: what it is, in words and as JSON, and where to go from there.

No scripts, no requests but the page itself; every stored text is escaped.
"""

from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from fhirserver.http.html.json_view import json_view
from fhirserver.http.html.links import address, linked, shortened
from fhirserver.http.html.plain import headline, moment, plain, when
from fhirserver.http.html.style import CONTENT_SECURITY_POLICY, STYLE
from fhirserver.http.response import Header
from fhirserver.model.json import JsonObject

_NOT_OUTLINED = frozenset(("resourceType", "id", "meta", "text", "contained"))
_TITLES = {"searchset": "Search", "history": "History"}
_RELATIONS = ("first", "previous", "prev", "next", "last")


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page stands.

    Attributes:
        base_url: FHIR base as clients see it.
        path: of the request below the base.
        query: its parameters without `_format`.
        status: of the response.
    """

    base_url: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int

    def address(self, **more: str) -> str:
        """Give the address of this page with more parameters."""
        query = urlencode([*self.query, *more.items()])
        path = self.path.encode("latin-1", "replace").decode("utf-8", "replace")
        return f"{self.base_url}{path}" + (f"?{query}" if query else "")


def security_headers() -> list[Header]:
    """Give the headers that keep a page to itself."""
    return [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("Referrer-Policy", "no-referrer"),
    ]


def render(resource: JsonObject, page: Page) -> bytes:
    """Write the page of a resource, a Bundle or an OperationOutcome."""
    match resource.get("resourceType"):
        case "Bundle":
            title, content = _bundle(resource, page)
        case "OperationOutcome":
            title, content = _outcome(resource, page)
        case _:
            title, content = _resource(resource, page)
    is_open = "" if resource.get("resourceType") == "Bundle" else " open"
    source = json_view(resource, page.base_url)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"{_header(page)}<main><h1>{escape(title)}</h1>{content}"
        f"<details{is_open}><summary>JSON</summary><pre>{source}</pre></details>"
        "</main></body></html>"
    ).encode("utf-8", "replace")


def _header(page: Page) -> str:
    parts = urlsplit(page.base_url)
    home = f"{parts.scheme}://{parts.netloc}/"
    return (
        f'<header><a href="{escape(home)}">fhirserver</a>'
        f'<a href="{escape(page.base_url)}/metadata">capabilities</a>'
        f'<span class="formats"><a href="{escape(page.address(_format="json"))}">JSON</a>'
        f'<a href="{escape(page.address(_format="xml"))}">XML</a></span></header>'
    )


def _resource(resource: JsonObject, page: Page) -> tuple[str, str]:
    place = f"{resource.get('resourceType')}/{resource.get('id', '')}".rstrip("/")
    meta = resource.get("meta", {})
    facts = " · ".join(
        escape(f"{label} {meta[key]}")
        for key, label in (("versionId", "version"), ("lastUpdated", "updated"))
        if key in meta
    )
    ways = ""
    if "versionId" in meta:
        ways = f"<nav>{_anchor(f'{page.base_url}/{place}/_history', 'history')}"
        if resource["resourceType"] == "Patient":
            ways += _anchor(f"{page.base_url}/{place}/*", "everything about this patient")
        ways += "</nav>"
    rows = "".join(
        f"<dt>{escape(key)}</dt><dd>{plain(value, page.base_url)}</dd>"
        for key, value in resource.items()
        if key not in _NOT_OUTLINED and key[0] != "_"
    )
    words = headline(resource)
    heading = f"{place} · {words}" if words else place
    return heading, f'<p class="faint">{facts}</p>{ways}<dl>{rows}</dl>'


def _bundle(bundle: JsonObject, page: Page) -> tuple[str, str]:
    kind = str(bundle.get("type", "Bundle"))
    title = f"{_TITLES.get(kind, kind)} {page.path.strip('/')}".strip()
    entries = bundle.get("entry", [])
    question = " & ".join(f"{name}={value}" for name, value in page.query)
    counted = f"{len(entries)} on this page"
    if "total" in bundle:
        counted += f" · {bundle['total']} in total"
    links = {link.get("relation"): link.get("url", "") for link in bundle.get("link", [])}
    paging = "".join(
        _anchor(links[relation], relation)
        for relation in _RELATIONS
        if address(str(links.get(relation)), page.base_url)
    )
    rows = "".join(_entry(entry, page) for entry in entries)
    return title, (
        f'<p>{shortened(question)}</p><p class="faint">{escape(counted)}</p><nav>{paging}</nav>'
        '<div class="scroll"><table><thead><tr><th>Resource</th><th>What</th><th>When</th>'
        f'<th class="wide">Stored</th><th class="wide"></th></tr></thead><tbody>{rows}</tbody>'
        f"</table></div><nav>{paging}</nav>"
    )


def _entry(entry: JsonObject, page: Page) -> str:
    resource = entry.get("resource", {})
    response = entry.get("response", {})
    request = entry.get("request", {})
    place = "/".join(str(resource[key]) for key in ("resourceType", "id") if key in resource)
    meta = resource.get("meta", {})
    target = place or response.get("location") or request.get("url") or entry.get("fullUrl", "")
    if request and "versionId" in meta:
        target = f"{place}/_history/{meta['versionId']}"
    mode = entry.get("search", {}).get("mode") or " ".join(
        str(part) for part in (request.get("method"), response.get("status")) if part
    )
    stored = str(meta.get("lastUpdated") or response.get("lastModified") or "")
    return (
        f"<tr><td>{linked(str(target), page.base_url, is_reference=True)}</td>"
        f"<td>{shortened(headline(resource))}</td><td>{escape(moment(when(resource)))}</td>"
        f'<td class="wide">{escape(moment(stored))}</td>'
        f'<td class="wide faint">{escape(mode)}</td></tr>'
    )


def _outcome(outcome: JsonObject, page: Page) -> tuple[str, str]:
    rows = "".join(
        f'<dt class="{escape(issue["severity"])}">{escape(issue["severity"])}: '
        f"{escape(issue['code'])}</dt><dd>{escape(issue.get('diagnostics', ''))}"
        f'<br><span class="faint">{escape(", ".join(issue.get("expression", ())))}</span></dd>'
        for issue in outcome["issue"]
    )
    title = "OperationOutcome"
    if page.status >= 400:
        title = f"{page.status} {HTTPStatus(page.status).phrase}"
    return title, f"<dl>{rows}</dl>"


def _anchor(target: str, text: str) -> str:
    return f'<a href="{escape(target)}">{escape(text)}</a>'
