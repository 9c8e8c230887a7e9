"""Checksums of lines, as hexadecimal digits behind what they cover.

xor             all bytes by exclusive or            2 digits (NMEA 0183)
sum             their sum modulo 256                 2
complement      what makes that sum 0                2 (as in Intel's HEX format)
crc16           CRC-16/IBM-3740: polynomial 0x1021, begun with 0xFFFF    4
crc16-modbus    CRC-16/MODBUS: polynomial 0xA001, begun with 0xFFFF     4
"""

from collections.abc import Callable
from functools import reduce
from operator import xor


def _crc16(covered: bytes) -> int:
    crc = 0xFFFF
    for each in covered:
        crc ^= each << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _crc16_modbus(covered: bytes) -> int:
    crc = 0xFFFF
    for each in covered:
        crc ^= each
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


CHECKSUMS: dict[str, tuple[int, Callable[[bytes], int]]] = {
    "xor": (2, lambda covered: reduce(xor, covered, 0)),
    "sum": (2, lambda covered: sum(covered) % 256),
    "complement": (2, lambda covered: -sum(covered) % 256),
    "crc16": (4, _crc16),
    "crc16-modbus": (4, _crc16_modbus),
}
"""How many digits each has, and how it is made."""


def checksum(kind: str, covered: bytes) -> bytes:
    """Give the digits, in capitals."""
    digits, made = CHECKSUMS[kind]
    return b"%0*X" % (digits, made(covered))
