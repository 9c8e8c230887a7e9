"""A serial cable that is not there: two pseudo terminals, joined."""

import contextlib
import os
import pty
import select
import threading
import tty
from collections.abc import Iterator


@contextlib.contextmanager
def cable() -> Iterator[tuple[str, str]]:
    """Join two pseudo terminals; gives the names of their ends."""
    masters, slaves = zip(*(pty.openpty() for _ in range(2)), strict=True)
    for end in (*masters, *slaves):
        tty.setraw(end)
    ended = threading.Event()

    def carry() -> None:
        while not ended.is_set():
            for ready in select.select(masters, [], [], 0.05)[0]:
                os.write(masters[1 - masters.index(ready)], os.read(ready, 4096))

    carrier = threading.Thread(target=carry)
    carrier.start()
    try:
        yield os.ttyname(slaves[0]), os.ttyname(slaves[1])
    finally:
        ended.set()
        carrier.join()
        for end in (*masters, *slaves):
            os.close(end)
