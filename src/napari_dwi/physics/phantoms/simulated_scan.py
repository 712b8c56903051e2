"""A simulated scan with all that is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_dwi.physics.scan_noise import ScanNoise
from napari_dwi.scan.images import DwiSeries, Volume


@dataclass(frozen=True)
class SimulatedScan:
    """A scan of a digital body, and all that is known about it.

    Parameters
    ----------
    series : DwiSeries
        The diffusion series with Rician noise.
    truth : DwiSeries
        The same without noise.
    anatomy : tuple of Volume
        T1 and T2 images on grids of their own, finer and not aligned with the series; none of what
        has no anatomy.
    labels : Volume
        Regions on the grid of the series.
    label_names : mapping of int to str
        What they are, sound tissue first and lesions last.
    parameters : mapping of str to Volume
        True D, f, Dstar and S0. In voxels of several tissues, the mean weighted by their signal; the
        signal there is the sum of the tissues and only nearly that of the mean parameters. NaN in
        air; D* also where nothing is perfused.
    sigma : float
        Noise level in scanner units of the noisy volumes, which are all unless `ScanNoise` says otherwise.
    noise : ScanNoise
        What the noise is like.
    """

    series: DwiSeries
    truth: DwiSeries
    anatomy: tuple[Volume, ...]
    labels: Volume
    label_names: Mapping[int, str]
    parameters: Mapping[str, Volume]
    sigma: float
    noise: ScanNoise
