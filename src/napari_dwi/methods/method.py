"""What a method is, what it gets, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.methods.display import Display
from napari_dwi.methods.naming import stem_and_suffix
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import BValues, DwiSeries, Volume

Task = Literal["denoise", "fit", "superres"]

# The fact of an image that holds whole sentences about it, for the user to read.
REMARKS = "Remarks"

_NOT_WEIGHTED = "none: a single image"


@dataclass(frozen=True, eq=False)
class Inputs:
    """The snapshot a method works on; nothing the user does meanwhile changes it.

    Parameters
    ----------
    series : DwiSeries
        The diffusion series, or a single image as `of_volume` makes one of it.
    anatomy : tuple of Volume
        Anatomical images on the grid of the series; NaN where they do not reach.
    mask : Volume, optional
        Where to work; everywhere if absent. On the grid of the series.

    Raises
    ------
    BadInputError
        If an image does not lie on the grid of the series.
    """

    series: DwiSeries
    anatomy: tuple[Volume, ...] = ()
    mask: Volume | None = None

    def __post_init__(self) -> None:
        others = self.anatomy if self.mask is None else (*self.anatomy, self.mask)
        for volume in others:
            if not volume.grid.same_as(self.series.grid):
                raise BadInputError(
                    f"{volume.name} does not lie on the grid of the series",
                    remedy="Resample it to the series first.",
                )

    @classmethod
    def of_volume(cls, volume: Volume, mask: Volume | None = None) -> Inputs:
        """A single image without diffusion weighting, for methods that need none."""
        series = DwiSeries(
            volume.data[..., None],
            volume.grid,
            BValues(np.zeros(1), origin=_NOT_WEIGHTED),
            volume.name,
            volume.source,
            volume.notes,
        )
        return cls(series, mask=mask)

    @property
    def is_volume(self) -> bool:
        """Whether it is a single image; a diffusion series has two volumes at least."""
        return len(self.series.b_values) == 1

    @property
    def stem(self) -> str:
        """What the names of results begin with, as BIDS has it."""
        return stem_and_suffix(self.series.name, is_volume=self.is_volume)[0]

    @property
    def suffix(self) -> str:
        """What the names of images of the same kind end with: ``"dwi"``, ``"T1w"``."""
        return stem_and_suffix(self.series.name, is_volume=self.is_volume)[1]

    def slab(self, axis: int, index: int, margin: int) -> tuple[Inputs, int]:
        """The inputs cut to one slice with ``margin`` slices on either side.

        Parameters
        ----------
        axis, index : int
            Voxel axis (0 to 2) and index of the slice.
        margin : int
            Slices kept on either side, as far as there are any.

        Returns
        -------
        Inputs, int
            The cut inputs, and the index of the slice within them.
        """
        size = self.series.grid.shape[axis]
        first, last = max(0, index - margin), min(size, index + margin + 1)
        start = [0, 0, 0]
        stop = list(self.series.grid.shape)
        start[axis], stop[axis] = first, last
        box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        grid = self.series.grid.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

        def cut(volume: Volume) -> Volume:
            return replace(volume, data=volume.data[box], grid=grid)

        cut_inputs = Inputs(
            replace(self.series, signal=self.series.signal[box], grid=grid),
            tuple(cut(volume) for volume in self.anatomy),
            None if self.mask is None else cut(self.mask),
        )
        return cut_inputs, index - first


@dataclass(frozen=True)
class Context:
    """What a method is told about where and how it runs.

    Parameters
    ----------
    progress : Progress
        Where to report and to learn of a stop.
    device : str
        ``"cpu"``, ``"cuda"`` or ``"mps"``.
    seed : int
        Seed of every random number; the same seed, device and threads give the same result.
    chunk_scale : float
        Falls from 1 when memory ran out; see `chunk`.
    """

    progress: Progress = field(default_factory=Progress)
    device: str = "cpu"
    seed: int = 0
    chunk_scale: float = 1.0

    def chunk(self, rows: int) -> int:
        """How many rows to hold in device memory at once, of the ``rows`` a method would like."""
        return max(1, int(rows * self.chunk_scale))


@dataclass(frozen=True, eq=False)
class OutputImage:
    """One image of a result.

    Parameters
    ----------
    role : str
        What it is: ``"denoised"``, ``"residual"``, ``"ADC"``.
    ending : str
        What follows the stem in its file name (``"desc-gaussian_dwi"``).
    image : DwiSeries or Volume
        The image.
    description : str
        One sentence for the sidecar.
    unit : str
        Unit of the values.
    display : Display, optional
        How to show a map; ``None`` for images that are shown like a scan.
    facts : mapping
        What else its sidecar says, by name (``"Model"``, ``"StatusCodes"``); ready for JSON.
    aside : bool
        Whether it is shown only when asked for, so that what matters has the room.
    """

    role: str
    ending: str
    image: DwiSeries | Volume
    description: str
    unit: str = "arbitrary"
    display: Display | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    aside: bool = False

    @property
    def symbol(self) -> str:
        """What it is called on the screen."""
        return self.display.symbol if self.display is not None and self.display.symbol else self.role


@dataclass(frozen=True, eq=False)
class Output:
    """What a method gives back.

    Parameters
    ----------
    images : tuple of OutputImage
        The result first, then its residual and whatever else there is.
    figures : mapping of str to float
        Quality figures, by name with unit.
    warnings : tuple of str
        What the user should know before trusting the result.
    """

    images: tuple[OutputImage, ...]
    figures: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is said of its images in whole sentences."""
        return tuple(remark for image in self.images for remark in image.facts.get(REMARKS, ()))

    def image(self, role: str) -> DwiSeries | Volume:
        """The image with that role."""
        return next(output.image for output in self.images if output.role == role)


@dataclass(frozen=True)
class Method:
    """One way of denoising, fitting or super-resolving.

    Parameters
    ----------
    name : str
        As typed on the command line (``"bl-inr"``).
    title : str
        As shown in the dock.
    task : str
        ``"denoise"``, ``"fit"`` or ``"superres"``.
    summary : str
        What it does and when to choose it, in a sentence or two.
    reference : str
        The paper it implements.
    parameters : type
        The declaration of its parameters; its defaults are the recommended settings.
    run : callable
        ``run(inputs, parameters, context)`` gives an `Output`.
    presets : mapping
        Named sets of parameter values besides the defaults.
    context_slices : int
        Slices needed on either side to try it on a single slice.
    uses_torch : bool
        Whether it computes with PyTorch, on the device chosen; otherwise on one CPU thread.
    models : tuple of str
        The signal models a fit method knows (see `napari_dwi.physics.signal_models`), the one it
        fits unless told otherwise first; these are the choices of its parameter ``model``.
    """

    name: str
    title: str
    task: Task
    summary: str
    reference: str
    parameters: type[Parameters]
    run: Callable[[Inputs, Any, Context], Output]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    context_slices: int = 1
    uses_torch: bool = True
    models: tuple[str, ...] = ()

    def settings(self, preset: str | None = None) -> Parameters:
        """The default parameters, or those of a preset.

        Raises
        ------
        BadInputError
            If there is no such preset.
        """
        if preset is not None and preset not in self.presets:
            raise BadInputError(
                f"{self.name} has no preset {preset}",
                expected="one of " + ", ".join(self.presets) if self.presets else "no preset",
            )
        return self.parameters.from_values({} if preset is None else self.presets[preset])
