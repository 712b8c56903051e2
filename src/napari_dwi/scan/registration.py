"""Rigid registration of anatomy to the diffusion series: its place is corrected, its voxels stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import DwiSeries, Volume

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

Report = Callable[[float, str], None]

# How the note of an alignment begins.
ALIGNED = "aligned to the series"

# Coarse to fine: width of the Gaussian that both images are smoothed by, mm.
_SMOOTHING_MM = (4.0, 2.0, 0.0)
_BINS = 40
_SAMPLES = 60_000
# Air tells nothing of where the patient lies; only a margin of it counts, as the skin does.
_MARGIN_MM = 6.0
_MOST_ITERATIONS = 80
_FIRST_STEP_MM, _LAST_STEP_MM = 2.0, 0.002
_SEED = 17

# A patient who lies still in the head coil does not move further than this between two series.
_MOST_TRANSLATION_MM = 20.0
_MOST_ROTATION_DEG = 15.0
_FEWEST_SLICES = 4
_MOST_SHEAR = 1e-3

# ITK counts x to the left and y to the back.
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Registration:
    """Where an image really lies.

    Parameters
    ----------
    volume : Volume
        The same voxels on the corrected grid; its source and notes tell of the correction.
    correction : ndarray, shape (4, 4)
        From where the header puts a point to where it lies in the fixed image, RAS+ mm.
    translation_mm : float
        How far the middle of the fixed image is moved.
    rotation_deg : float
        Angle of the rotation.
    information_before, information_after : float
        Mattes mutual information with the fixed image, nats.
    """

    volume: Volume
    correction: NDArray[np.float64]
    translation_mm: float
    rotation_deg: float
    information_before: float
    information_after: float


def register_rigid(
    moving: Volume, fixed: Volume | DwiSeries, *, report: Report | None = None
) -> Registration:
    """Find the rotation and translation that bring an image over another of the same patient.

    Mattes mutual information is maximised over six parameters, from coarse to fine, starting from the
    scanner coordinates. No voxel of the image is interpolated: its affine is corrected, so that
    it can be resampled once. The same input gives the same bytes.

    Parameters
    ----------
    moving : Volume
        The image to correct.
    fixed : Volume or DwiSeries
        What it is brought over; of a series, the mean of the volumes of lowest b-value.
    report : callable, optional
        Receives the fraction done and a phrase a few times a second; what it raises stops the
        registration.

    Raises
    ------
    BadInputError
        If an image has fewer than four slices, its voxels are sheared, or SimpleITK is not there.
    MethodFailedError
        If no alignment is found, or one of more than 20 mm or 15 degrees, or one that is worse
        than the scanner coordinates.

    References
    ----------
    Mattes D et al. PET-CT image registration in the chest using free-form deformations. IEEE Trans
    Med Imaging 2003;22:120-128.
    """
    itk = _itk()
    target = _reference(fixed)
    for image in (moving, target):
        _check_registrable(image)
    watch = _Watch(report or (lambda _fraction, _phrase: None))
    watch.report(0.0, f"aligning {moving.name}")
    fixed_image = _itk_image(itk, target)
    moving_image = _thinned(itk, _itk_image(itk, moving), target.grid)
    centre = fixed_image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in target.grid.shape])
    start = itk.Euler3DTransform()
    start.SetCenter(centre)
    try:
        with _one_thread(itk):
            body = _body(itk, fixed_image)
            found = _optimised(itk, fixed_image, moving_image, body, start, watch)
            before, after = (
                -float(_metric(itk, body, place).MetricEvaluate(fixed_image, moving_image))
                for place in (start, found)
            )
    except RuntimeError as err:
        raise MethodFailedError(
            f"{moving.name} could not be aligned: the images have too little in common",
            remedy="Use it as it lies, or choose an image of the same patient.",
        ) from err
    correction = _LPS @ np.linalg.inv(_matrix_of(found)) @ _LPS
    middle = (_LPS @ [*centre, 1.0])[:3]
    translation = float(np.linalg.norm((correction @ [*middle, 1.0])[:3] - middle))
    cosine = (np.trace(correction[:3, :3]) - 1) / 2
    rotation = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    _check_plausible(moving.name, translation, rotation, before, after)
    said = (
        f"{ALIGNED}: moved by {translation:.1f} mm, turned by {rotation:.1f}°; "
        f"mutual information {before:.3f} before, {after:.3f} after"
    )
    return Registration(aligned(moving, correction, said), correction, translation, rotation, before, after)


def aligned(volume: Volume, correction: NDArray[np.float64], note: str) -> Volume:
    """The same voxels at another place in the patient; the source remembers the correction.

    Parameters
    ----------
    volume : Volume
        The image as read.
    correction : array, shape (4, 4)
        From where its header puts a point to where it lies, RAS+ mm.
    note : str
        What to tell of it.
    """
    grid = Grid(volume.grid.shape, correction @ volume.grid.affine, volume.grid.affine_source)
    source = volume.source
    if source is not None:
        earlier = np.eye(4) if source.alignment is None else np.array(source.alignment)
        source = replace(source, alignment=tuple(map(tuple, (correction @ earlier).tolist())))
    return replace(volume, grid=grid, source=source, notes=(*volume.notes, note))


class _Watch:
    """Tells of the iterations; keeps what is raised there, as nothing may be raised through ITK."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.raised: Exception | None = None
        self.iteration = 0

    def on_iteration(self, method: Any) -> None:
        level = method.GetCurrentLevel()
        self.iteration += 1
        within = min(method.GetOptimizerIteration() / _MOST_ITERATIONS, 1.0)
        levels = len(_SMOOTHING_MM)
        try:
            self.report((level + within) / levels, f"aligning, level {level + 1} of {levels}")
        # Whatever it is, it is raised again once ITK has stopped.
        except Exception as err:  # noqa: BLE001
            self.raised = err
            method.StopRegistration()


def _body(itk: ModuleType, image: Any) -> Any:
    """Where there is signal, with what lies within it and a margin around it."""
    smooth = itk.SmoothingRecursiveGaussian(image, _MARGIN_MM / 2)
    filled = itk.BinaryFillhole(itk.OtsuThreshold(smooth, 0, 1))
    return itk.BinaryDilate(filled, [round(_MARGIN_MM / mm) for mm in image.GetSpacing()])


def _optimised(itk: ModuleType, fixed: Any, moving: Any, body: Any, start: Any, watch: _Watch) -> Any:
    method = _metric(itk, body, start)
    method.SetMetricSamplingStrategy(method.RANDOM)
    share = min(1.0, _SAMPLES / fixed.GetNumberOfPixels())
    method.SetMetricSamplingPercentagePerLevel([share] * len(_SMOOTHING_MM), _SEED)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=_FIRST_STEP_MM, minStep=_LAST_STEP_MM, numberOfIterations=_MOST_ITERATIONS
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([1] * len(_SMOOTHING_MM))
    method.SetSmoothingSigmasPerLevel(_SMOOTHING_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.AddCommand(itk.sitkIterationEvent, lambda: watch.on_iteration(method))
    found = method.Execute(fixed, moving)
    if watch.raised is not None:
        raise watch.raised
    return found


def _metric(itk: ModuleType, body: Any, place: Any) -> Any:
    method = itk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(body)
    method.SetInterpolator(itk.sitkLinear)
    method.SetInitialTransform(place, inPlace=False)
    return method


def _check_plausible(name: str, translation: float, rotation: float, before: float, after: float) -> None:
    if translation > _MOST_TRANSLATION_MM or rotation > _MOST_ROTATION_DEG:
        raise MethodFailedError(
            f"the alignment found for {name} is not plausible",
            expected=f"at most {_MOST_TRANSLATION_MM:g} mm and {_MOST_ROTATION_DEG:g}°",
            found=f"{translation:.1f} mm and {rotation:.1f}°",
            remedy="Use it as it lies, or choose an image of the same examination.",
        )
    if not after >= before:
        raise MethodFailedError(
            f"{name} cannot be aligned better than it lies",
            expected=f"mutual information above {before:.3f}",
            found=f"{after:.3f}",
            remedy="Use it as it lies.",
        )


def _reference(fixed: Volume | DwiSeries) -> Volume:
    if isinstance(fixed, Volume):
        return fixed
    volumes = fixed.b_values.indices(fixed.b_values.distinct[0])
    mean = fixed.signal[..., volumes].mean(axis=-1, dtype=np.float32)
    return Volume(mean, fixed.grid, name=fixed.name)


def _check_registrable(image: Volume) -> None:
    if min(image.grid.shape) < _FEWEST_SLICES:
        raise BadInputError(
            f"{image.name} has too few slices to be aligned",
            expected=f"at least {_FEWEST_SLICES}",
            found=min(image.grid.shape),
            remedy="Use it as it lies.",
        )
    _, shear = _directions(image.grid)
    if shear > _MOST_SHEAR:
        raise BadInputError(
            f"{image.name} has sheared voxels and cannot be aligned",
            expected="axes at right angles",
            remedy="Use it as it lies.",
        )


def _directions(grid: Grid) -> tuple[NDArray[np.float64], float]:
    """Orthonormal axes nearest to those of the grid, and the largest cosine between two of its axes."""
    axes = grid.affine[:3, :3] / grid.spacing_mm
    left, _, right = np.linalg.svd(axes)
    return left @ right, float(np.abs(axes.T @ axes - np.eye(3)).max())


def _itk_image(itk: ModuleType, volume: Volume) -> Any:
    data = np.where(np.isfinite(volume.data), volume.data, np.float32(0))
    image = itk.GetImageFromArray(np.ascontiguousarray(data.T))
    axes, _ = _directions(volume.grid)
    image.SetSpacing(volume.grid.spacing_mm)
    image.SetDirection((_LPS[:3, :3] @ axes).ravel().tolist())
    image.SetOrigin((_LPS @ volume.grid.affine)[:3, 3].tolist())
    return image


def _thinned(itk: ModuleType, image: Any, target: Grid) -> Any:
    """An image much finer than the target, averaged to about its voxel size: as exact, and quicker."""
    smallest = min(target.spacing_mm)
    factors = [
        min(max(1, int(smallest // mm)), n // _FEWEST_SLICES)
        for mm, n in zip(image.GetSpacing(), image.GetSize(), strict=True)
    ]
    return itk.BinShrink(image, factors) if max(factors) > 1 else image


def _matrix_of(transform: Any) -> NDArray[np.float64]:
    """4x4 affine of a linear ITK transform, LPS mm."""
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    ends = [np.array(transform.TransformPoint(tuple(axis))) for axis in np.eye(3).tolist()]
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack(ends, axis=1) - origin[:, np.newaxis]
    matrix[:3, 3] = origin
    return matrix


@contextmanager
def _one_thread(itk: ModuleType) -> Iterator[None]:
    """Sums depend on the order of their terms, which several threads leave to chance."""
    threads = itk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    # The number of a registration alone does not reach its metric.
    itk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        itk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


def _itk() -> ModuleType:
    try:
        import SimpleITK
    except ImportError as err:
        raise BadInputError(
            "aligning images needs SimpleITK", remedy="Install it: pip install 'napari-dwi[registration]'."
        ) from err
    return SimpleITK
