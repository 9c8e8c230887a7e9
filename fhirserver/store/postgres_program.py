"""PostgreSQL's own client programs, from the wheel: pg_basebackup, pg_dump, pg_restore, psql."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO

from psycopg import pq

from fhirserver.store.embedded_account import find_account
from fhirserver.store.embedded_cluster import program_environment


class PostgresProgramError(RuntimeError):
    """One of PostgreSQL's programs failed; its last messages are quoted."""


def run_program(name: str, url: str, *arguments: str | Path) -> None:
    """Run a program and wait for it.

    Args:
        name: e.g. "pg_dump".
        url: database that it connects to.
        *arguments: for its command line, which others can see.

    Raises:
        PostgresProgramError: it failed.
    """
    process = start_program(name, url, *arguments)
    finish_program(name, process)


def start_program(
    name: str, url: str, *arguments: str | Path, stdin: int | None = None, stdout: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a program; it finds the database, and the password, in its environment alone."""
    return subprocess.Popen(  # noqa: S603 - paths of ours
        [find_account().binaries / name, *arguments],
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env={**program_environment(), **_connection(url)},
    )


def finish_program(name: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for a program's end, and stop it if that is interrupted.

    Raises:
        PostgresProgramError: it failed.
    """
    try:
        errors = _last_lines(process.stderr)
        code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if code != 0:
        raise PostgresProgramError(f"{name} failed: {errors or f'exit code {code}'}")


def _last_lines(stream: IO[bytes] | None) -> str:
    text = b"" if stream is None else stream.read()
    return "\n".join(text.decode(errors="replace").strip().splitlines()[-5:])


def _connection(url: str) -> dict[str, str]:
    """Give a connection's options as libpq's environment variables."""
    return {
        option.envvar.decode(): option.val.decode()
        for option in pq.Conninfo.parse(url.encode())
        if option.envvar and option.val
    }
