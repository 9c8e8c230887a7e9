"""Zstandard files of one frame or several, unpacked as a stream.

Spec: RFC 8878, section 3

The package's own stream takes the end of a file for the end of a frame, so that a file that was
cut off would give its beginning and nobody would know.
"""

import io
from typing import BinaryIO

import zstandard

_CHUNK_BYTES = 8192


class ZstandardFrames(io.RawIOBase):
    """Unpacks a file.

    Args:
        disk: the packed file; not closed.
    """

    def __init__(self, disk: BinaryIO) -> None:
        self._disk = disk
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._packed = b""
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # any buffer
        """Fill a buffer with what comes next; 0 at the end.

        Raises:
            EOFError: the file ends within a frame.
            ZstdError: it is no Zstandard file.
        """
        while not self._unpacked:
            if not self._unpack():
                return 0
        count = min(len(buffer), len(self._unpacked))
        buffer[:count] = self._unpacked[:count]
        self._unpacked = self._unpacked[count:]
        return count

    def _unpack(self) -> bool:
        """Take one chunk of the file; False at its end."""
        self._packed = self._packed or self._disk.read(_CHUNK_BYTES)
        if not self._packed:
            if self._frame is not None:
                raise EOFError
            return False
        frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
        self._unpacked = memoryview(frame.decompress(self._packed))
        self._packed = frame.unused_data if frame.eof else b""
        self._frame = None if frame.eof else frame
        return True
