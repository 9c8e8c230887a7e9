"""The bundled PostgreSQL's settings, written at every start.

Operators override any of them in `local.conf` beside the generated file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_MIB = 1024 * 1024

_CONSTANT: Mapping[str, str] = {
    # Reached through a socket in a private directory only.
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "120",
    "password_encryption": "scram-sha-256",
    # Durable: an acknowledged write survives a power cut.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    # Short statements on small machines: compiling plans costs more than it saves.
    "jit": "off",
    "random_page_cost": "1.1",
    "work_mem": "16MB",
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_cost_delay": "1ms",
    "idle_in_transaction_session_timeout": "120s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Values are health data: no statement, parameter or key value reaches the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "'%m [%p] '",
    "log_checkpoints": "off",
}


def render_settings(socket_directory: str, more: Mapping[str, str]) -> str:
    """Return the text of the generated configuration file.

    Args:
        socket_directory: absolute path, at most about 90 bytes.
        more: further settings, written as they stand.
    """
    quoted = socket_directory.replace("'", "''")
    settings = {
        **_CONSTANT,
        **_for_this_machine(_memory_bytes(), os.cpu_count() or 1),
        "unix_socket_directories": f"'{quoted}'",
        **more,
    }
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def _for_this_machine(memory_bytes: int, processors: int) -> dict[str, str]:
    shared = min(max(memory_bytes // 8, 128 * _MIB), 2048 * _MIB)
    return {
        "shared_buffers": f"{shared // _MIB}MB",
        "effective_cache_size": f"{max(memory_bytes // 2, 256 * _MIB) // _MIB}MB",
        "maintenance_work_mem": f"{min(max(memory_bytes // 32, 64 * _MIB), 512 * _MIB) // _MIB}MB",
        "max_parallel_workers_per_gather": str(0 if processors <= 2 else min(processors // 2, 4)),
    }


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 2048 * _MIB
