"""Packets of an oximeter for tests, by the layout of the maker's document and nothing else."""

from __future__ import annotations

NOTHING_MEASURED = (511, 127)


def packet(
    pulse: int, saturation: int, *, layout: int = 2, status: int = 0, pleth: int = 0x0141
) -> bytes:
    """Write a packet of 25 frames.

    Args:
        pulse: a minute; 511 for none.
        saturation: in percent; 127 for none.
        layout: 2 or 7.
        status: bits that every frame has besides those of the layout.
        pleth: the sample of every frame, two octets; format 2 has the lower one.
    """
    values = [pulse >> 7, pulse & 0x7F, saturation, 0x30, *(0 for _ in range(21))]
    frames = []
    for number, value in enumerate(values):
        said = 0x80 | status | (number == 0)
        head = [1, said, pleth & 0xFF] if layout == 2 else [said, pleth >> 8, pleth & 0xFF]
        four = [*head, value]
        frames.append(bytes([*four, sum(four) & 0xFF]))
    return b"".join(frames)
