"""A new, empty cluster for the bundled PostgreSQL: initdb and a password of its own."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path

from fhirserver.store.embedded_account import Account, EmbeddedPostgresError

logger = logging.getLogger(__name__)

USER = "fhirserver"
PASSWORD_FILE = "postgres.password"  # noqa: S105 - a name, not a password
_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--no-locale",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)

Fill = Callable[[Path, Path, Account], None]
"""Puts a cluster into an empty folder: (folder, data directory, account)."""


def create_cluster(folder: Path, data_dir: Path, account: Account) -> None:
    """Run initdb, and leave the password in the data directory.

    Raises:
        EmbeddedPostgresError: initdb failed; its messages are quoted.
    """
    logger.info("creating a database cluster below %s", data_dir)
    password = secrets.token_urlsafe(32)
    write_private(data_dir / PASSWORD_FILE, password + "\n")
    password_file = folder.with_name(f"{folder.name}.password")
    write_private(password_file, password + "\n")
    account.give(password_file)
    result = subprocess.run(  # noqa: S603 - paths of ours
        account.command(
            "initdb",
            f"--pgdata={folder}",
            f"--username={USER}",
            f"--pwfile={password_file}",
            *_OPTIONS,
        ),
        capture_output=True,
        env=program_environment(),
        cwd="/",
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
    )
    password_file.unlink()
    if result.returncode != 0:
        msg = f"initdb failed: {result.stderr.decode(errors='replace').strip()}"
        raise EmbeddedPostgresError(msg)
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("include 'fhirserver.conf'\ninclude 'local.conf'\n")
    local = folder / "local.conf"
    local.write_text("# Your settings; they win over fhirserver.conf.\n", "utf-8")
    account.give(local)


def program_environment() -> dict[str, str]:
    """Return what PostgreSQL's programs may see of the environment."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def private_opener(path: str, flags: int) -> int:
    """Open a file that, if new, only its owner may read; for `open(opener=…)`."""
    return os.open(path, flags, 0o600)


def write_private(path: Path, text: str) -> None:
    """Write a new file of mode 0600 in place of one that may be there."""
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="utf-8", opener=private_opener) as file:
        file.write(text)
