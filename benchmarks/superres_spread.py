"""What the SD map of anchored-path diffusion tells of the errors of its image.

Run ``python benchmarks/superres_spread.py``. A slice of the digital head and of the digital abdomen is
scanned as in ``superres.py``; the image is made in 5 steps, the map of 8 samples. Printed for every noise
level, in tissue:

error, SD  root mean squares of image minus truth and of the map, in units of the brightest tissue
ratio      the one over the other (1 if the map told all of the error)
corr.      correlation of both over places, where each is a root mean square over 9 x 9 voxels
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from superres import Anatomy, anatomies_of

from napari_dwi.methods.device import torch_threads
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.registry import find_method
from napari_dwi.methods.running import run_method
from napari_dwi.physics.pair_simulation import simulate_pair
from napari_dwi.scan import Grid, Volume

_SIGMAS = (0.02, 0.05, 0.10)
_SAMPLES = 8
_WINDOW = 9
_NOISE_SEED = 29


def _compare(anatomy: Anatomy, sigma: float) -> None:
    pair = simulate_pair(anatomy.truth, sigma, np.random.default_rng(_NOISE_SEED))
    method = find_method("anchored-path", "superres")
    settings = {"edges": "periodic", "noise_sigma": pair.sigma_low, "samples": _SAMPLES}
    volume = Volume(pair.low, Grid.from_spacing(pair.low.shape, (1, 1, 5)))
    output = run_method(
        method, method.parameters.from_values(settings), Inputs.of_volume(volume), device="cpu", threads=1
    ).output
    error = output.image("super-resolved").data - anatomy.truth
    spread = output.image("SD").data
    rms = [float(np.sqrt(np.square(one[anatomy.tissue]).mean())) for one in (error, spread)]
    together = np.corrcoef(_around(error)[anatomy.tissue], _around(spread)[anatomy.tissue])[0, 1]
    title = f"{anatomy.name}, {100 * sigma:g} %"
    print(f"{title:16}{rms[0]:8.4f}{rms[1]:8.4f}{rms[1] / rms[0]:8.2f}{together:8.2f}", flush=True)


def _around(image: np.ndarray) -> np.ndarray:
    """Root mean square over the neighbours within a slice."""
    from scipy.ndimage import uniform_filter

    return np.sqrt(uniform_filter(np.square(image), (_WINDOW, _WINDOW, 1)))


def main() -> None:
    """Print the table."""
    print(f"{'':16}{'error':>8}{'SD':>8}{'ratio':>8}{'corr.':>8}")
    with torch_threads(1):
        for anatomy in anatomies_of([]):
            middle = [one[..., 1:2] for one in (anatomy.truth, anatomy.first, anatomy.second)]
            one_slice = replace(anatomy, truth=middle[0], first=middle[1], second=middle[2])
            for sigma in _SIGMAS:
                _compare(one_slice, sigma)


if __name__ == "__main__":
    main()
