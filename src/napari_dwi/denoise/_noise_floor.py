"""Taking away what Rician noise adds to magnitudes, before or after a denoiser has worked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.measure.rician_sigma import RicianSigma

NO_CORRECTION = "none"
CORRECTIONS = (NO_CORRECTION, "koay", "gudbjartsson-patz")
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, eq=False)
class NoiseFloor:
    """The noise floor of a series and how to take it away.

    Parameters
    ----------
    sigma : RicianSigma
        The noise level.
    correction : str
        ``"koay"`` or ``"gudbjartsson-patz"``.
    order : str
        ``"before"`` or ``"after"`` denoising.
    slice_axis : int
        Axis along which slices are stacked.
    """

    sigma: RicianSigma
    correction: str
    order: str
    slice_axis: int

    def removed_from(self, signal: NDArray[np.float32], check: Callable[[], None]) -> NDArray[np.float32]:
        """Volumes (x, y, z, n) without the noise floor."""
        from napari_dwi.physics.rician import correct_rician_bias

        sigma = self.sigma.along(self.slice_axis)[..., 0]
        corrected = np.empty(signal.shape, dtype=np.float32, order="F")
        for n in range(signal.shape[3]):
            check()
            corrected[..., n] = correct_rician_bias(signal[..., n], sigma, self.correction)
        return corrected

    def figures(self) -> Mapping[str, float]:
        """The noise level, for the sidecar."""
        levels = {"noise sigma (scanner units)": self.sigma.mean}
        if self.sigma.varies:
            levels["noise sigma, lowest slice (scanner units)"] = float(self.sigma.of_slices.min())
            levels["noise sigma, highest slice (scanner units)"] = float(self.sigma.of_slices.max())
        return levels

    def warning(self) -> str:
        """What was done and why it may be wrong."""
        slices = "; every slice has a level of its own" if self.sigma.varies else ""
        processed = (
            f"{100 * self.sigma.blanked:.0f} % of the background is blanked, so that the scanner has "
            "processed these images, and"
            if self.sigma.blanked
            else "scanners often process images before export:"
        )
        return (
            f"noise floor removed ({self.correction}) with sigma {self.sigma.mean:.4g}, {self.sigma.origin}, "
            f"{self.order} denoising{slices}; {processed} noise levels of magnitude images from vendors' "
            "pipelines are uncertain"
        )
