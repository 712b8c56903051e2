"""The bytes of a file, unpacked where it is gzipped, read once and to the very end.

The gzip checksum stands at the end, so only a stream read to its end is verified. The stream is
unpacked with its checksum kept apart, so that a file in which nothing but the checksum is wrong can
be told from one that cannot be unpacked. The digest of the file is taken on the way.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.image_file import Check
from napari_dwi.scan.images import Source

_GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot shrink data further than this, so a header that promises more is wrong.
_LARGEST_GZIP_RATIO = 1032
_BLOCK_BYTES = 1024 * 1024
_PACKED_BLOCK_BYTES = 256 * 1024
# Footers and padding take less; an endless stream of zeros must not be unpacked to its end.
_MOST_BYTES_AFTER = 64 * 1024 * 1024
_COPY_AGAIN = "Copy it again from its source."
_HEADER_CRC, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16
# A header longer than this is not one: names and comments in it end with a zero byte.
_LONGEST_GZIP_HEADER = 128 * 1024


@contextmanager
def open_bytes(path: Path, check: Check | None = None) -> Iterator[ByteStream]:
    """Open a file for reading once from start to end.

    Parameters
    ----------
    path : Path
        Whether it is gzipped is told from its content, not from its name.
    check : callable, optional
        Called every few megabytes; may raise `Stopped`.

    Raises
    ------
    BadInputError
        Here and while reading: if the file cannot be read, ends too early or is damaged.
    """
    try:
        with path.open("rb") as file:
            yield ByteStream(path, file, check)
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err


class ByteStream:
    """The unpacked bytes of one open file; made by `open_bytes`."""

    def __init__(self, path: Path, file: BinaryIO, check: Check | None) -> None:
        self.path = path
        self.position = 0
        self._file = file
        self._check = check
        self._hash = hashlib.sha256()
        self._n_packed = 0
        self._packed = b""
        self._unpacked = bytearray()
        self._more_packed()
        self.is_gzip = self._packed.startswith(_GZIP_MAGIC)
        self._pieces = self._inflated() if self.is_gzip else self._plain()
        self._wrong_checksum = False

    def read(self, n_bytes: int) -> bytes:
        """The next bytes, fewer only where the file ends."""
        while len(self._unpacked) < n_bytes:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._unpacked += piece
            if self._check is not None:
                self._check()
        taken = bytes(memoryview(self._unpacked)[:n_bytes])
        del self._unpacked[:n_bytes]
        self.position += len(taken)
        return taken

    def skip_to(self, position: int) -> None:
        """Pass over everything before a position, or to the end where that is earlier."""
        while self.position < position and self.read(min(_BLOCK_BYTES, position - self.position)):
            pass

    def check_holds(self, n_bytes: int) -> None:
        """Refuse a file that cannot hold that many unpacked bytes, without reading them."""
        size = os.fstat(self._file.fileno()).st_size
        if n_bytes > size * (_LARGEST_GZIP_RATIO if self.is_gzip else 1):
            raise BadInputError(
                "the file is shorter than its header says",
                file=self.path,
                expected=f"{n_bytes} bytes ({n_bytes / 1e9:.3g} GB)",
                found=f"{size} bytes",
                remedy=_COPY_AGAIN,
            )

    def says_it_holds(self, n_bytes: int) -> bool:
        """Whether the file says of itself that it holds that many unpacked bytes."""
        if not self.is_gzip:
            return os.fstat(self._file.fileno()).st_size >= n_bytes
        here = self._file.tell()
        self._file.seek(-4, os.SEEK_END)
        # Every gzip member ends with its size; files of several members, and of 4 GB, say too little.
        size = int.from_bytes(self._file.read(4), "little")
        self._file.seek(here)
        return size >= n_bytes

    def finish(self, allow: Collection[Allowance] = ()) -> tuple[Source, tuple[str, ...]]:
        """Read what is left, so that the checksum is verified; the source and what to note about it.

        Raises
        ------
        BadInputError
            If the checksum is wrong and that is not allowed, or the file goes on without end.
        """
        end = self.position
        while self.read(_BLOCK_BYTES):
            if self.position - end > _MOST_BYTES_AFTER:
                raise BadInputError(
                    "the file goes on long after its voxels",
                    file=self.path,
                    expected=f"at most {_MOST_BYTES_AFTER // 10**6} MB more",
                    remedy="Save the image again with the program that made it.",
                )
        notes: tuple[str, ...] = ()
        if self._wrong_checksum:
            if "wrong-checksum" not in allow:
                raise BadInputError(
                    "the file is damaged (its checksum does not match)",
                    file=self.path,
                    remedy=f"{_COPY_AGAIN} If there is no other copy, it can be loaded to be looked at:"
                    " voxels may be wrong.",
                    offers=("wrong-checksum",),
                )
            notes = ("read although its checksum is wrong: voxels may be wrong",)
        return Source(self.path, self._hash.hexdigest(), self._n_packed, tuple(sorted(allow))), notes

    def _more_packed(self) -> bool:
        block = self._file.read(_PACKED_BLOCK_BYTES)
        self._hash.update(block)
        self._n_packed += len(block)
        self._packed += block
        return bool(block)

    def _plain(self) -> Iterator[bytes]:
        while self._packed or self._more_packed():
            yield self._packed
            self._packed = b""

    def _inflated(self) -> Iterator[bytes]:
        """The content of every member of a gzip file (RFC 1952), one after the other."""
        while self._packed or self._more_packed():
            self._skip_gzip_header()
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            checksum = n_bytes = 0
            while not inflate.eof:
                if not self._packed and not self._more_packed():
                    raise self._ends_too_early()
                try:
                    piece = inflate.decompress(self._packed, _BLOCK_BYTES)
                except zlib.error as err:
                    raise BadInputError(
                        "the file is damaged (it cannot be unpacked, so its checksum fails)",
                        file=self.path,
                        remedy=_COPY_AGAIN,
                    ) from err
                self._packed = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
                checksum = zlib.crc32(piece, checksum)
                n_bytes += len(piece)
                if piece:
                    yield piece
            trailer = self._packed_bytes(8)
            if int.from_bytes(trailer[4:], "little") != n_bytes % 2**32:
                raise BadInputError(
                    "the file is damaged (it unpacks to another size than it says)",
                    file=self.path,
                    remedy=_COPY_AGAIN,
                )
            self._wrong_checksum |= int.from_bytes(trailer[:4], "little") != checksum
            self._skip_padding()

    def _skip_gzip_header(self) -> None:
        magic, method, flags = (start := self._packed_bytes(10))[:2], start[2], start[3]
        if magic != _GZIP_MAGIC or method != 8 or flags > 31:
            raise BadInputError(
                "the file is damaged (this is not how a gzip file goes on)",
                file=self.path,
                found=f"{start[:4]!r}",
                remedy=_COPY_AGAIN,
            )
        if flags & _EXTRA:
            self._packed_bytes(int.from_bytes(self._packed_bytes(2), "little"))
        for text in (_NAME, _COMMENT):
            if flags & text:
                self._skip_text()
        if flags & _HEADER_CRC:
            self._packed_bytes(2)

    def _skip_text(self) -> None:
        while (end := self._packed.find(b"\0")) < 0:
            if len(self._packed) > _LONGEST_GZIP_HEADER:
                raise BadInputError("the file is damaged (a name in it has no end)", file=self.path)
            if not self._more_packed():
                raise self._ends_too_early()
        self._packed = self._packed[end + 1 :]

    def _skip_padding(self) -> None:
        """Pass over the zeros that some tapes and tools leave behind a member."""
        while True:
            self._packed = self._packed.lstrip(b"\0")
            if self._packed or not self._more_packed():
                return

    def _packed_bytes(self, n_bytes: int) -> bytes:
        while len(self._packed) < n_bytes:
            if not self._more_packed():
                raise self._ends_too_early()
        taken, self._packed = self._packed[:n_bytes], self._packed[n_bytes:]
        return taken

    def _ends_too_early(self) -> BadInputError:
        return BadInputError(
            "the file ends too early",
            file=self.path,
            found=f"{self._n_packed} bytes, packed",
            remedy=_COPY_AGAIN,
        )
