"""Stored numbers become float32 a piece at a time, so that no second copy of an image is held."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.byte_stream import ByteStream

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PIECE_VALUES = 1024 * 1024
# Pieces waiting to be converted while the next ones are unpacked.
_PIECES_WAITING = 4
# Room is taken in steps where only the header promises that so many values will come.
_FIRST_ROOM_VALUES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Scaling:
    """How stored numbers become values: ``slope * stored + intercept``."""

    slope: float = 1.0
    intercept: float = 0.0

    @property
    def changes_values(self) -> bool:
        """Whether it does anything."""
        return (self.slope, self.intercept) != (1.0, 0.0)


@dataclass(frozen=True, eq=False)
class Voxels:
    """Values in the order stored, shape (n,), and how many of them are no ordinary signal."""

    values: NDArray[np.float32]
    n_not_finite: int
    n_negative: int


def read_voxels(stream: ByteStream, n_values: int, dtype: np.dtype[Any], scaling: Scaling) -> Voxels:
    """Read, scale and count the next numbers of a stream.

    Complex numbers become their magnitude. One thread unpacks while another converts.

    Raises
    ------
    BadInputError
        If the stream ends before, or memory does.
    """
    is_there = stream.says_it_holds(stream.position + n_values * dtype.itemsize)
    room = n_values if is_there else min(n_values, _FIRST_ROOM_VALUES)
    waiting: deque[Future[None]] = deque()
    try:
        sink = _Sink(room, dtype, scaling)
        with ThreadPoolExecutor(1, "convert-voxels") as worker:
            start = 0
            while start < n_values:
                n = min(_PIECE_VALUES, n_values - start)
                if start + n > sink.room:
                    while waiting:
                        waiting.popleft().result()
                    sink.enlarge(min(n_values, 2 * sink.room))
                    n = min(n, sink.room - start)
                stored = stream.read(n * dtype.itemsize)
                if len(stored) < n * dtype.itemsize:
                    raise BadInputError(
                        "the file ends too early",
                        file=stream.path,
                        expected=f"{n_values * dtype.itemsize} bytes of voxels",
                        found=f"{start * dtype.itemsize + len(stored)}",
                        remedy="Copy it again from its source.",
                    )
                waiting.append(worker.submit(sink.convert, start, stored))
                if len(waiting) > _PIECES_WAITING:
                    waiting.popleft().result()
                start += n
            while waiting:
                waiting.popleft().result()
    except MemoryError as err:
        raise BadInputError(
            "there is not enough memory for this image",
            file=stream.path,
            found=f"{4 * n_values / 1e9:.3g} GB",
            remedy="Close other programs and images.",
        ) from err
    return Voxels(sink.values, sink.n_not_finite, sink.n_negative)


class _Sink:
    """The float32 array that pieces are converted into."""

    def __init__(self, room: int, dtype: np.dtype[Any], scaling: Scaling) -> None:
        self._dtype = dtype
        self._scaling = scaling
        self.values = np.empty(room, np.float32)
        self.n_not_finite = self.n_negative = 0

    @property
    def room(self) -> int:
        return self.values.size

    def enlarge(self, room: int) -> None:
        # Whoever else refers to the array has converted its piece already.
        self.values.resize(room, refcheck=False)

    def convert(self, start: int, stored: bytes) -> None:
        numbers: NDArray[Any] = np.frombuffer(stored, self._dtype)
        part = self.values[start : start + numbers.size]
        # Numbers too large for float32 become infinite, and infinite values are left out and counted.
        with np.errstate(over="ignore", invalid="ignore"):
            if self._scaling.changes_values:
                # In double precision, so that large intercepts lose nothing.
                wide = numbers.astype(np.complex128 if self._dtype.kind == "c" else np.float64)
                wide *= self._scaling.slope
                wide += self._scaling.intercept
                numbers = wide
            part[:] = np.abs(numbers) if self._dtype.kind == "c" else numbers
        if self._scaling.changes_values or self._dtype.kind not in "iu":
            self.n_not_finite += int(part.size - np.count_nonzero(np.isfinite(part)))
        if self._scaling.changes_values or self._dtype.kind not in "uc":
            self.n_negative += int(np.count_nonzero(part < 0))
