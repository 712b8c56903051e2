"""Additive regression: what describes a voxel are curves of intensities and means around it.

Which signal a tissue has at a b-value is no linear function of how bright it is on T1 or T2. So every
anatomical image has a curve, made of straight pieces, for what its brightness adds; every two have a
surface besides, as it takes both to tell tissues apart. The other volumes are noisy: they have curves
of their means around the voxel. Means of the volume itself around the voxel, without the voxel, tell
what no other image shows.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._local_means import LocalMeans, reach_of_noise

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_prediction import ToPredict
    from napari_dwi.methods.progress import Progress

# SD of the Gaussian means, in voxels of the slice; 0 is the image itself.
_SCALES = (0.0, 0.7, 1.5, 4.0)
_OWN_SCALES = (1.5, 3.0, 6.0, 12.0)
# Which of the scales have curves.
_ANATOMY_CURVES = (0, 2)
_VOLUME_CURVES = (2,)
_KNOTS = 8
_KNOTS_OF_SURFACES = 7
# More anatomical images than these make too many surfaces, and the next one tells little more.
_MOST_WITH_SURFACES = 3
_MOST_FOR_KNOTS = 50_000


@dataclass(frozen=True)
class ImageFacts:
    """What the images are.

    Parameters
    ----------
    n_volumes : int
        How many of the images are volumes; the rest is anatomy.
    spacing_mm : (float, float, float)
        Voxel size, the slices' last.
    alike : bool
        Whether noise is alike between neighbours in a slice.
    """

    n_volumes: int
    spacing_mm: tuple[float, float, float]
    alike: bool


@dataclass(frozen=True, eq=False)
class _Curve:
    """A curve of straight pieces between knots of an image at a scale, 0 at the first knot."""

    image: int
    scale: int
    knots: NDArray[np.float64]

    @property
    def n_columns(self) -> int:
        return len(self.knots) - 1


class AdditiveColumns:
    """Linear terms of all images at all scales, then curves, surfaces, and means of the targets.

    Parameters
    ----------
    wanted : ToPredict
        What is to be predicted. Means are taken among voxels of one group.
    how : ImageFacts
        What the images are.
    progress : Progress
        Where to report.
    """

    def __init__(self, wanted: ToPredict, how: ImageFacts, progress: Progress) -> None:
        images, targets, groups = wanted.images, wanted.targets, wanted.groups
        n_images, total = len(images), len(images) + len(targets)
        around = _means_within(groups, how.spacing_mm, progress.check)
        self._smooth = np.empty((n_images, len(_SCALES), groups.size), dtype=np.float32)
        for n, image in enumerate(images):
            progress.report(n / total, "means around voxels")
            for k, scale in enumerate(_SCALES):
                self._smooth[n, k] = (around(image, scale, None) if scale else image).reshape(-1)
        self._own = np.empty((len(targets), len(_OWN_SCALES), groups.size), dtype=np.float32)
        for step, target in enumerate(targets):
            progress.report((n_images + step) / total, "means around voxels")
            for k, scale in enumerate(_OWN_SCALES):
                self._own[step, k] = around(images[target], scale, reach_of_noise(how.alike)).reshape(-1)
        judged = _some_of(wanted.learnt_from & (groups > 0))
        self._curves = [
            self._curve(n, k, _KNOTS, judged)
            for n in range(n_images)
            for k in (_VOLUME_CURVES if n < how.n_volumes else _ANATOMY_CURVES)
        ]
        anatomy = range(how.n_volumes, min(n_images, how.n_volumes + _MOST_WITH_SURFACES))
        self._surfaces = [
            (self._curve(a, 0, _KNOTS_OF_SURFACES, judged), self._curve(b, 0, _KNOTS_OF_SURFACES, judged))
            for a, b in itertools.combinations(anatomy, 2)
        ]
        seen_by = [n for n in range(n_images) for _ in _SCALES]
        seen_by += [curve.image for curve in self._curves for _ in range(curve.n_columns)]
        # Surfaces are of anatomy, which may predict every volume.
        seen_by += [-1] * sum(a.n_columns * b.n_columns for a, b in self._surfaces)
        own = [int(target) for target in targets for _ in _OWN_SCALES]
        self._made_of = np.array(seen_by + [-1] * len(own))
        self._belongs_to = np.array([-1] * len(seen_by) + own)
        self.n_columns = len(self._made_of)

    def rows(self, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        """All columns of voxels given by flat index."""
        n = len(voxels)
        parts: list[NDArray[np.floating]] = [self._smooth[:, :, voxels].reshape(-1, n).T]
        parts += [self._pieces(curve, voxels) for curve in self._curves]
        for first, second in self._surfaces:
            product = self._pieces(first, voxels)[:, :, None] * self._pieces(second, voxels)[:, None, :]
            parts.append(product.reshape(n, -1))
        parts.append(self._own[:, :, voxels].reshape(-1, n).T)
        return np.concatenate(parts, axis=1, dtype=np.float64)

    def value(self, image: int) -> int:
        """The column that holds an image itself."""
        return image * len(_SCALES)

    def predictors(self, image: int) -> NDArray[np.intp]:
        """What is not made of the image itself, and the means of it around the voxel."""
        others = (self._made_of != image) & (self._belongs_to < 0)
        return np.flatnonzero(others | (self._belongs_to == image))

    def _curve(self, image: int, scale: int, n_knots: int, judged: NDArray[np.intp]) -> _Curve:
        values = self._smooth[image, scale, judged].astype(np.float64)
        return _Curve(image, scale, np.unique(np.quantile(values, np.linspace(0, 1, n_knots))))

    def _pieces(self, curve: _Curve, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Hats over all knots but the first, each 1 at its knot and 0 at the others: (n, n_columns)."""
        pieces = np.zeros((len(voxels), len(curve.knots)))
        if curve.n_columns:
            values = self._smooth[curve.image, curve.scale, voxels]
            left = np.clip(np.searchsorted(curve.knots, values, "right") - 1, 0, curve.n_columns - 1)
            share = np.clip((values - curve.knots[left]) / np.diff(curve.knots)[left], 0, 1)
            rows = np.arange(len(voxels))
            pieces[rows, left], pieces[rows, left + 1] = 1 - share, share
        return pieces[:, 1:]


def _means_within(
    groups: NDArray[np.intp], spacing_mm: tuple[float, float, float], check: Callable[[], None]
) -> Callable[[NDArray[np.float32], float, int | None], NDArray[np.float32]]:
    """Gaussian means of an image at an SD in voxels, for every voxel among those of its own group."""
    regions = [groups == number for number in np.unique(groups)]
    means = [LocalMeans(region, spacing_mm, check) for region in regions]
    voxel_mm = min(spacing_mm[:2])

    def around(image: NDArray[np.float32], scale: float, left_out: int | None) -> NDArray[np.float32]:
        found = np.zeros_like(image)
        for region, mean in zip(regions, means, strict=True):
            found[region] = mean.around(image, scale * voxel_mm, left_out)[region]
        return found

    return around


def _some_of(voxels: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Flat indices of voxels, of many only some; of none given, of all."""
    chosen = np.flatnonzero(voxels)
    if not chosen.size:
        chosen = np.arange(voxels.size)
    return chosen[:: max(1, chosen.size // _MOST_FOR_KNOTS)]
