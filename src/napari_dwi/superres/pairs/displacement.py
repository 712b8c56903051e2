"""By how much two images of one object are displaced within the slice, found in the images, and undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.k_space import k_space_cropped

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Within one voxel.
_STEP = 0.005
# A window of raised cosines makes neighbouring frequencies alike, and those of a real image come in pairs.
_FREQUENCIES_ALIKE = 2 * (35 / 18) ** 2
# Beyond this uncertainty (voxels), or where less than this share of the frequencies agrees, images
# do not tell. Frequencies of images that have nothing in common agree by about 0.1.
_MOST_UNSURE = 0.25
_LEAST_AGREEMENT = 0.3


@dataclass(frozen=True)
class Displacement:
    """By how much one image lies further along both axes of the slice than another.

    Parameters
    ----------
    shift : (float, float)
        In voxels, towards higher indices.
    error : (float, float)
        Its standard error, in voxels.
    agreement : float
        How well all frequencies agree on it, 0 to 1.
    """

    shift: tuple[float, float]
    error: tuple[float, float]
    agreement: float

    @property
    def is_told(self) -> bool:
        """Whether the images tell a displacement at all."""
        return max(self.error) <= _MOST_UNSURE and self.agreement >= _LEAST_AGREEMENT

    def exceeds(self, voxels: float) -> bool:
        """Whether it is larger than so many voxels along an axis, and than chance makes it."""
        return self.is_told and any(
            abs(shift) > max(voxels, 2 * error) for shift, error in zip(self.shift, self.error, strict=True)
        )


def displacement_of(
    high: Sequence[NDArray[np.float32]],
    low: Sequence[NDArray[np.float32]],
    factor: int,
    check: Callable[[], None] = lambda: None,
) -> Displacement:
    """By how much a high-resolution volume is displaced against the zero-filled low-resolution one.

    Phase correlation of windowed slices, over all slices together and over the frequencies that both
    have. Those that are weaker than the mean, where noise decides, count less.

    Parameters
    ----------
    high, low : sequence of ndarray, shape (factor * h, factor * w) and (h, w)
        The slices of both volumes, without NaN. They may differ in contrast.
    factor : int
        Ratio of the resolutions, 1 or more.
    check : callable
        Called for every slice; raises to stop.

    Returns
    -------
    Displacement
        In fine voxels. Zero where voxel (factor * i, factor * j) of ``high`` shows what voxel (i, j) of
        ``low`` does; with an agreement of 0 where there is nothing to be seen.

    References
    ----------
    Kuglin CD, Hines DC. The phase correlation image alignment method. Proc IEEE Int Conf Cybernetics and
    Society 1975:163-165; sub-voxel peaks from the Fourier sum as Guizar-Sicairos et al., Opt Lett
    2008;33:156-158.
    """
    coarse = []
    for fine in high:
        check()
        # Of zero-filled slices the outer frequencies are empty: the same is found without them.
        coarse.append(fine if factor == 1 else k_space_cropped(fine, factor))
    first = _between(coarse, low, check)
    if not first.is_told:
        return _in_fine_voxels(first, (0.0, 0.0), factor)
    # The window, which does not move along, makes displacements a little too small; what is left is small.
    left = _between([moved_back(image, first.shift) for image in coarse], low, check)
    return _in_fine_voxels(left, first.shift, factor)


def moved_back(image: NDArray[np.float32], shift: tuple[float, float]) -> NDArray[np.float32]:
    """A slice without its displacement, by the phase of its k-space, mirrored at its edges.

    Parameters
    ----------
    image : ndarray, float32, shape (h, w)
        The slice; without NaN.
    shift : (float, float)
        By how many voxels it is displaced towards higher indices.
    """
    moved: NDArray[np.floating] = image
    for axis, by in enumerate(shift):
        if by == 0:
            continue
        size = image.shape[axis]
        beyond = [(0, size) if n == axis else (0, 0) for n in range(2)]
        spectrum = np.fft.rfft(np.pad(moved, beyond, mode="symmetric"), axis=axis)
        phases = np.exp(2j * np.pi * by * np.fft.rfftfreq(2 * size))
        # The highest frequency of an even number of samples has no phase of its own.
        phases[-1] = np.cos(np.pi * by)
        spectrum *= phases[:, None] if axis == 0 else phases
        moved = np.take(np.fft.irfft(spectrum, 2 * size, axis=axis), np.arange(size), axis=axis)
    return np.asarray(moved, dtype=np.float32)


def _between(
    images: Sequence[NDArray[np.float32]], others: Sequence[NDArray[np.float32]], check: Callable[[], None]
) -> Displacement:
    """The displacement of slices against others of the same resolution, in their voxels."""
    n_rows, n_columns = others[0].shape
    window = np.multiply.outer(_window(n_rows), _window(n_columns))
    cross = np.zeros((n_rows, n_columns), np.complex128)
    for image, other in zip(images, others, strict=True):
        check()
        spectra = [np.fft.fft2((one - one.mean()) * window) for one in (image, other)]
        cross += spectra[0] * np.conj(spectra[1])
    strength = np.abs(cross)
    if not strength.any():
        return Displacement((0.0, 0.0), (0.0, 0.0), 0.0)
    weighted = cross / (strength + strength.mean())
    frequencies = [np.fft.fftfreq(n_rows), np.fft.fftfreq(n_columns)]
    peak = _peak(weighted, frequencies)
    # What is left of the phases at the peak; only noise, where the displacement is all there is.
    rest = weighted * np.multiply.outer(
        *(_waves(k, place) for k, place in zip(frequencies, peak, strict=True))
    )
    down, across = (_error(rest, k) for k in np.meshgrid(*frequencies, indexing="ij"))
    return Displacement(peak, (down, across), float(rest.real.sum() / np.abs(rest).sum()))


def _in_fine_voxels(found: Displacement, more: tuple[float, float], factor: int) -> Displacement:
    rows, columns = (factor * (a + b) for a, b in zip(found.shift, more, strict=True))
    down, across = (factor * error for error in found.error)
    return Displacement((rows, columns), (down, across), found.agreement)


def _window(size: int) -> NDArray[np.floating]:
    return np.hanning(size + 2)[1:-1]


def _peak(weighted: NDArray[np.complex128], frequencies: list[NDArray[np.floating]]) -> tuple[float, float]:
    """Where the correlation is highest, in coarse voxels: among whole ones, then within one of them."""
    correlation = np.fft.ifft2(weighted).real
    whole = np.unravel_index(int(correlation.argmax()), correlation.shape)
    near = [
        (place - size if place > size // 2 else place) + np.arange(-1, 1 + _STEP / 2, _STEP)
        for place, size in zip(whole, correlation.shape, strict=True)
    ]
    rows, columns = (_waves(k, places) for k, places in zip(frequencies, near, strict=True))
    finer = (rows @ weighted @ columns.T).real
    row, column = np.unravel_index(int(finer.argmax()), finer.shape)
    return float(near[0][row]), float(near[1][column])


def _waves(frequencies: NDArray[np.floating], place: NDArray[np.floating] | float) -> NDArray[np.complex128]:
    return np.asarray(np.exp(2j * np.pi * np.multiply.outer(place, frequencies)))


def _error(rest: NDArray[np.complex128], frequency: NDArray[np.floating]) -> float:
    """Standard error of the displacement along an axis, coarse voxels: that of a line through the phases."""
    slope = 2 * np.pi * abs(float(np.sum(frequency**2 * rest.real)))
    spread = float(np.sqrt(_FREQUENCIES_ALIKE * np.sum(frequency**2 * rest.imag**2)))
    return spread / slope if slope > spread else 1.0
