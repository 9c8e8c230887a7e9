"""Run a command that ends when the process that started this one does. A program of its own.

Usage: tether.py MEMORY_BYTES FILE_BYTES COMMAND..., standard input a pipe from the starter, in a
process group and a folder of its own. When the pipe ends, the starter is dead: the folder is
removed and the whole group killed.

SIGINT is the command's to handle; this process waits for what it makes of it.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType


def watch(folder: Path) -> None:
    """Remove the folder and kill the group when nobody holds the other end of the pipe."""
    while os.read(0, 1):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


def limit(memory_bytes: int, file_bytes: int) -> None:
    """Bound what this process and the command may use."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere address space is not counted, or always in use
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def main() -> int:
    """Run the command and give its exit code, or 128 and the signal that ended it."""
    signal.signal(signal.SIGINT, _leave)
    threading.Thread(target=watch, args=(Path.cwd(),), daemon=True).start()
    limit(int(sys.argv[1]), int(sys.argv[2]))
    code = subprocess.call(sys.argv[3:], stdin=subprocess.DEVNULL)  # noqa: S603 - our starter's
    return code if code >= 0 else 128 - code


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Keep SIGINT from ending this process; ignoring it would make the command ignore it too."""


if __name__ == "__main__":
    sys.exit(main())
