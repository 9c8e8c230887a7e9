"""A PostgreSQL of our own below the data directory, from the binaries of a wheel.

    DATA/postgres/           the cluster (initdb: scram, builtin C.UTF-8, checksums)
    DATA/postgres.password   random, mode 0600
    DATA/postgres.lock       one owner per data directory; released only when PostgreSQL stopped
    DATA/postgres.log        the server's messages, without statements or values
    DATA/postgres.archive    path of the WAL archive, if there is one
    DATA/run/                the socket's private directory; a temporary one when the path is long

A watcher process stops PostgreSQL when its owner dies, however it dies. A cluster that was
killed is recovered by PostgreSQL at the next start.
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from fhirserver.store import embedded_watch
from fhirserver.store.embedded_account import (
    MAJOR_VERSION,
    Account,
    EmbeddedPostgresError,
    find_account,
)
from fhirserver.store.embedded_cluster import (
    PASSWORD_FILE,
    USER,
    Fill,
    create_cluster,
    private_opener,
    program_environment,
)
from fhirserver.store.embedded_restoring import check_restored
from fhirserver.store.embedded_settings import render_settings
from fhirserver.store.embedded_stale import clear_stale_files
from fhirserver.store.wal_archive import archive_settings, choose_archive

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "holds_database", "leads_to"]

DATABASE = "fhirserver"
START_TIMEOUT_S = 120.0
LOCK_TIMEOUT_S = 40.0
_MAX_LOG_BYTES = 10 * 1024 * 1024
_MAX_SOCKET_DIRECTORY = 85


class EmbeddedPostgres:
    """The bundled database server of one data directory.

    Args:
        data_dir: created with mode 0700 if missing; parents are created but never changed.
        archive_dir: where finished WAL goes from now on; None for where it went before, if
            anywhere.
        fill: makes the cluster of a data directory that must not have one yet; None for an empty
            cluster where there is none.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        archive_dir: Path | str | None = None,
        fill: Fill | None = None,
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self._archive_dir = Path(archive_dir).absolute() if archive_dir else None
        self._fill = fill
        self._cluster = self.data_dir / "postgres"
        self._account: Account | None = None
        self._lock: IO[str] | None = None
        self._sockets: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The connection URL; holds the password, so never log it."""
        password = (self.data_dir / PASSWORD_FILE).read_text("utf-8").strip()
        return f"postgresql://{USER}:{password}@/{DATABASE}?host={quote(str(self._sockets))}"

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Create the cluster if there is none, start it and wait until it accepts connections.

        Starting again after the server died keeps the URL.

        Returns:
            The connection URL.

        Raises:
            EmbeddedPostgresError: the directory belongs to a running server, to another major
                version or to a restore that did not end, its archive cannot be used, or PostgreSQL
                did not start; its last messages are quoted.
        """
        if self.running:
            return self.url
        self._dismiss_watcher()
        account = self._account = find_account()
        _private_directory(self.data_dir)
        self._take_lock()
        try:
            if self._fill is None:
                check_restored(self.data_dir)
            self._prepare_cluster(account)
            self._launch(account)
            self._wait_until_ready()
            self._prepare_database()
        except BaseException:
            self.stop()
            raise
        return self.url

    def wait(self) -> None:
        """Wait until the server process ends by itself; does nothing if it does not run."""
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """Shut the server down and wait for it. Does nothing if it does not run."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(embedded_watch.FAST_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.send_signal(signal.SIGQUIT)
                self._process.wait()
        self._process = None
        self._dismiss_watcher()
        if self._sockets is not None and self._sockets.parent != self.data_dir:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = (self.data_dir / "postgres.lock").open("a+", encoding="ascii")
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                owner = lock.read().strip()
                # The watcher of a dead owner holds the lock until its PostgreSQL has stopped.
                if (owner and embedded_watch.is_running(int(owner))) or _late(deadline):
                    lock.close()
                    msg = (
                        f"{self.data_dir} is in use by another server or command (process "
                        f"{owner}): wait until it ends, or name another with --data-dir"
                    )
                    raise EmbeddedPostgresError(msg) from None
                time.sleep(0.05)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def _prepare_cluster(self, account: Account) -> None:
        self._place_cluster(account)
        if not (self._cluster / "PG_VERSION").exists():
            self._initialise(account)
        elif self._fill is not None:
            raise EmbeddedPostgresError(f"{self._cluster} holds a database already: move it away")
        version = (self._cluster / "PG_VERSION").read_text("ascii").strip()
        if version != str(MAJOR_VERSION):
            msg = (
                f"{self._cluster} was written by PostgreSQL {version} and this server brings "
                f"{MAJOR_VERSION}: dump it with the older installation and load it here"
            )
            raise EmbeddedPostgresError(msg)
        if self._sockets is None:
            self._sockets = self._socket_directory(account)
        clear_stale_files(self._cluster, self._sockets)
        archive = archive_settings(choose_archive(self.data_dir, self._archive_dir, account))
        settings = self._cluster / "fhirserver.conf"
        settings.write_text(render_settings(str(self._sockets), archive), "utf-8")
        account.give(settings)

    def _place_cluster(self, account: Account) -> None:
        """Put the cluster where its account can reach it."""
        link = self.data_dir / "postgres"
        if account.home is None or link.exists():
            self._cluster = link.resolve()
            return
        name = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:16]
        place = account.home / f"data-{name}"
        _private_directory(place)
        account.give(place)
        link.unlink(missing_ok=True)
        link.symlink_to(place / "postgres")
        self._cluster = place / "postgres"

    def _initialise(self, account: Account) -> None:
        """Fill a folder beside the final place, so that a crash leaves no half cluster."""
        fresh = self._cluster.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        account.give(fresh)
        (self._fill or create_cluster)(fresh, self.data_dir, account)
        fresh.rename(self._cluster)

    def _socket_directory(self, account: Account) -> Path:
        near = self.data_dir / "run"
        if account.home is None and len(os.fsencode(near)) <= _MAX_SOCKET_DIRECTORY:
            _private_directory(near)
            return near
        short = Path(tempfile.mkdtemp(prefix="fhirserver-"))
        account.give(short)
        return short

    def _launch(self, account: Account) -> None:
        log = self.data_dir / "postgres.log"
        if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with open(log, "ab", opener=private_opener) as output:
            self._process = subprocess.Popen(  # noqa: S603 - paths of ours
                account.command("postgres", "-D", str(self._cluster)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=program_environment(),
                cwd="/",
                start_new_session=True,  # a Ctrl-C in the terminal is ours to handle
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
            )
        assert self._lock is not None
        self._watcher = subprocess.Popen(  # noqa: S603 - a script of ours
            [
                *(sys.executable, "-I", "-S", embedded_watch.__file__),
                *(str(os.getpid()), str(self._process.pid)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(self._lock.fileno(),),
            cwd="/",
            start_new_session=True,
        )

    def _dismiss_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is None or watcher.stdin is None:
            return
        try:
            watcher.stdin.write(b".")
            watcher.stdin.close()
        except BrokenPipeError:
            pass  # it has seen PostgreSQL stop
        watcher.wait()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        # What is restored takes as long as there is WAL to apply.
        patience_s = START_TIMEOUT_S if self._fill is None else math.inf
        deadline = time.monotonic() + patience_s
        while not self._is_ready(self._process.pid):
            if self._process.poll() is not None or _late(deadline):
                msg = f"PostgreSQL did not start; {self.data_dir / 'postgres.log'} ends with:\n"
                raise EmbeddedPostgresError(msg + self._last_messages())
            time.sleep(0.01)

    def _is_ready(self, pid: int) -> bool:
        """Read the state the postmaster keeps in the eighth line of its pid file."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _last_messages(self) -> str:
        text = (self.data_dir / "postgres.log").read_text("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-5:])

    def _prepare_database(self) -> None:
        import psycopg

        maintenance = self.url.replace(f"@/{DATABASE}?", "@/postgres?")
        with psycopg.connect(maintenance, autocommit=True) as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
            # The checkpointer went to sleep before the server was up; unless it is woken, it looks
            # at archive_timeout for the first time after checkpoint_timeout.
            connection.execute("SELECT pg_reload_conf()")


def holds_database(data_dir: Path) -> bool:
    """Whether a data directory holds a cluster, running or not."""
    return (data_dir / "postgres" / "PG_VERSION").exists()


def leads_to(url: str, data_dir: Path) -> bool:
    """Whether a URL is that of a data directory's own PostgreSQL, which nobody else's holds."""
    try:
        return (data_dir / PASSWORD_FILE).read_text("utf-8").strip() in url
    except FileNotFoundError:
        return False


def _late(deadline: float) -> bool:
    return time.monotonic() > deadline


def _private_directory(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
