"""Settings: the one reader of the environment.

Every setting has an environment variable FHIRSERVER_<NAME> (upper case) and a default here; the
command line overrides the environment.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can set.

    Attributes:
        public_url: FHIR base as clients see it, without a trailing slash; makes every link.
        database_url: libpq URL; empty for the embedded PostgreSQL.
        data_dir: folder of the embedded PostgreSQL and of secrets.
        archive_dir: where the embedded PostgreSQL's WAL is archived; empty for where it was before.
        open: no authentication; loopback only.
        tls_certificate: PEM file of the chain that TLS is served with; empty for plain HTTP.
        tls_key: PEM file of its private key, without a passphrase.
        trusted_proxies: networks, separated by commas, of the proxies that end TLS before this
            server and say in X-Forwarded-For who asks.
        jwks_networks: networks, separated by commas, from which key sets of clients may be fetched
            besides public addresses.
        open_registration: everybody may register an application; otherwise an invitation is needed.
        open_registrations: applications that may register without one within a day.
        open_registrations_per_address: the same, of one network address.
        cors_origins: origins, separated by commas, whose pages may use the API from a browser.
        referential_integrity: what a local literal reference to nothing does.
        conditional_delete_limit: resources that one conditional delete deletes at most.
        if_match_required: an update without If-Match is refused with 412.
        audit_durability: "durable" waits for the disk before an answer leaves; "async" does not.
        full_text: "text" indexes the words of narratives, for `_text`; "content" also those of
            whole resources, for `_content`; "off" neither.
        page_size: entries of a page when `_count` is absent.
        page_size_max: the largest `_count` that is honoured.
        include_limit: included resources of a page at most.
        idempotency_ttl_s: seconds that the answer to a request with an Idempotency-Key is kept.
        body_limit_bytes: size of a request body at most, also after decompression.
        body_deadline_s: seconds within which a body must have arrived.
        binary_row_limit_bytes: raw content of a Binary beyond this is kept apart, in chunks.
        binary_limit_bytes: size of such content at most.
        statement_timeout_ms: time one search statement may take.
        client_concurrency: requests of one client that a web worker answers at a time.
        job_limit: jobs of one caller that may wait or run.
        test_run_timeout_s: time that a run of a TestScript may take.
        async_statement_timeout_ms: time one search statement of an asynchronous request may take.
        async_result_limit: matches or versions that an asynchronous answer holds at most.
        async_result_limit_bytes: size of an asynchronous answer at most.
        async_result_ttl_s: seconds that an asynchronous answer is kept.
        session_idle_s: seconds without anything done after which a person is logged out.
        session_max_s: seconds after which a person is logged out in any case.
        second_factor: who must have a second factor: "optional" nobody, "all" everybody, or
            "roles:" with names of roles, separated by commas.
        login_failures_per_address: failed logins from one address in 15 minutes before it waits.
        pool_size: database connections of one worker.
        pool_timeout_s: seconds a request waits for one before 503.
    """

    public_url: str = "http://127.0.0.1:8080/fhir"
    database_url: str = ""
    data_dir: str = ""
    archive_dir: str = ""
    open: bool = False
    tls_certificate: str = ""
    tls_key: str = ""
    trusted_proxies: str = ""
    jwks_networks: str = ""
    open_registration: bool = False
    open_registrations: int = 500
    open_registrations_per_address: int = 20
    cors_origins: str = ""
    referential_integrity: Literal["enforce", "warn", "off"] = "enforce"
    conditional_delete_limit: int = 1
    if_match_required: bool = False
    audit_durability: Literal["durable", "async"] = "durable"
    full_text: Literal["off", "text", "content"] = "text"
    page_size: int = 20
    page_size_max: int = 1000
    include_limit: int = 1000
    idempotency_ttl_s: int = 86_400
    body_limit_bytes: int = 64 * 1024 * 1024
    body_deadline_s: int = 30
    binary_row_limit_bytes: int = 1024 * 1024
    binary_limit_bytes: int = 1024 * 1024 * 1024
    statement_timeout_ms: int = 30_000
    client_concurrency: int = 64
    job_limit: int = 10
    test_run_timeout_s: int = 1800
    async_statement_timeout_ms: int = 600_000
    async_result_limit: int = 10_000
    async_result_limit_bytes: int = 256 * 1024 * 1024
    async_result_ttl_s: int = 86_400
    session_idle_s: int = 900
    session_max_s: int = 43_200
    second_factor: str = "optional"
    login_failures_per_address: int = 50
    pool_size: int = 6
    pool_timeout_s: float = 5.0


Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SECOND_FACTOR = re.compile(r"optional|all|roles:[a-z-]+(,[a-z-]+)*", re.ASCII)
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]+", re.ASCII)

RANGES: dict[str, tuple[float, float]] = {
    "conditional_delete_limit": (1, 10_000),
    "open_registrations": (1, 1_000_000),
    "open_registrations_per_address": (1, 1_000_000),
    "page_size": (1, 10_000),
    "page_size_max": (1, 10_000),
    "include_limit": (1, 100_000),
    "idempotency_ttl_s": (1, 31_536_000),
    "body_limit_bytes": (1024, 2**31 - 1),
    "body_deadline_s": (1, 3600),
    "binary_row_limit_bytes": (0, 67_108_864),
    "binary_limit_bytes": (1024, 2**31 - 1),
    "statement_timeout_ms": (10, 3_600_000),
    "client_concurrency": (1, 100_000),
    "job_limit": (1, 10_000),
    "test_run_timeout_s": (1, 86_400),
    "async_statement_timeout_ms": (10, 86_400_000),
    "async_result_limit": (1, 1_000_000),
    "async_result_limit_bytes": (1024, 1_000_000_000),
    "async_result_ttl_s": (1, 31_536_000),
    "session_idle_s": (180, 86_400),
    "session_max_s": (300, 604_800),
    "login_failures_per_address": (5, 1_000_000),
    "pool_size": (1, 1000),
    "pool_timeout_s": (0.01, 600),
}
"""The least and the greatest value of every number."""


def read_settings(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the environment and lay the command line over it.

    Args:
        environ: defaults to the process's environment.
        **overrides: settings by name; None means "not given".

    Raises:
        ValueError: a variable whose value does not fit; the message names it and what fits.
    """
    environ = os.environ if environ is None else environ
    found: dict[str, Any] = {}
    for field in fields(Settings):
        name = _variable(field.name)
        if name in environ:
            found[field.name] = _convert(name, environ[name], field.default)
    found.update({key: value for key, value in overrides.items() if value is not None})
    settings = replace(Settings(), **found)
    _check_choice(
        "referential_integrity", settings.referential_integrity, ("enforce", "warn", "off")
    )
    _check_choice("audit_durability", settings.audit_durability, ("durable", "async"))
    _check_origins(settings.cors_origins)
    _check_second_factor(settings.second_factor)
    for name in ("trusted_proxies", "jwks_networks"):
        _check_networks(name, getattr(settings, name))
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise ValueError(
            f"{_variable('tls_certificate')} and {_variable('tls_key')} go together: give both"
        )
    _check_choice("full_text", settings.full_text, ("off", "text", "content"))
    for name, (least, most) in RANGES.items():
        _check_range(name, getattr(settings, name), least, most)
    if settings.page_size > settings.page_size_max:
        size, most_size = _variable("page_size"), _variable("page_size_max")
        raise ValueError(
            f"{size}={settings.page_size}: use at most {most_size}, which is "
            f"{settings.page_size_max}, or raise that"
        )
    return settings


def _convert(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("0", "false", "no", "off", ""):
            return False
        raise ValueError(f"{name}={text!r}: use true or false")
    try:
        if isinstance(default, int):
            return int(text)
        if isinstance(default, float):
            return float(text)
    except ValueError:
        kind = "a whole number" if isinstance(default, int) else "a number"
        raise ValueError(f"{name}={text!r}: use {kind}") from None
    return text


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{_variable(name)}={value!r}: use one of {', '.join(allowed)}")


def _check_second_factor(text: str) -> None:
    if not _SECOND_FACTOR.fullmatch(text):
        raise ValueError(
            f"{_variable('second_factor')}={text!r}: use optional, all, or roles: with names of "
            "roles, e.g. roles:administrator,physician"
        )


def split_origins(text: str) -> frozenset[str]:
    """Take a list of origins apart."""
    return frozenset(each.strip() for each in text.split(",") if each.strip())


def is_origin(text: str) -> bool:
    """Whether a text is an origin as browsers send them, e.g. "https://app.example.org"."""
    return _ORIGIN.fullmatch(text) is not None


def _check_origins(text: str) -> None:
    for origin in split_origins(text):
        if not is_origin(origin):
            raise ValueError(
                f"{_variable('cors_origins')}={text!r}: {origin!r} is no origin as browsers send "
                "them, e.g. https://app.example.org"
            )


def split_networks(text: str) -> tuple[Network, ...]:
    """Take a list of networks apart, e.g. "127.0.0.0/8, fd00::/8".

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip())


def _check_networks(name: str, text: str) -> None:
    try:
        split_networks(text)
    except ValueError as error:
        raise ValueError(
            f"{_variable(name)}={text!r}: {error}; use networks such as 10.0.0.0/8"
        ) from None


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{_variable(name)}={value}: use {least} to {most}")


def _variable(name: str) -> str:
    return f"FHIRSERVER_{name.upper()}"
