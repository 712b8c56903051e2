"""A simulated scan as a folder: the scan as a scanner would give it, and the truth apart from it."""

from __future__ import annotations

from pathlib import Path

from napari_dwi.physics.phantoms.simulated_scan import SimulatedScan
from napari_dwi.physics.scan_noise import CLEAN_PRIORS
from napari_dwi.scan import DwiSeries, Volume
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import Regions, add_regions
from napari_dwi.scan.writing import add_image

# In a folder of its own, so that opening the scan never picks up the truth by mistake.
TRUTH_FOLDER = "truth"


def save_simulated(scan: SimulatedScan, folder: Path) -> tuple[Path, ...]:
    """Save a simulated scan, its regions and its ground truth, or nothing.

    Parameters
    ----------
    scan : SimulatedScan
        The scan.
    folder : Path
        Receives ``<name>_dwi``, one image for each anatomy, ``<name>_desc-tissue_dseg``, and a
        folder ``truth`` with the noise-free series and the parameter maps.

    Returns
    -------
    tuple of Path
        The images written.

    Raises
    ------
    CannotWriteError
        If a file cannot be written.
    """
    name = scan.series.name
    truth_folder = folder / TRUTH_FOLDER
    made = {
        "SimulatedSigma": scan.sigma,
        "SimulatedNoise": scan.noise.mode,
        "SimulatedNoiseCorrelation": scan.noise.in_plane_correlation,
        "Units": "arbitrary",
    }
    if scan.noise.mode == CLEAN_PRIORS:
        made["SimulatedNoisyBValue"] = scan.noise.noisy_b_value
    paths = []
    with file_set(truth_folder) as files:

        def add(path: Path, description: str, image: DwiSeries | Volume, unit: str = "arbitrary") -> None:
            add_image(files, image, path, sidecar=made | {"Description": description, "Units": unit})
            paths.append(path)

        add(folder / f"{name}_dwi.nii.gz", "Simulated diffusion series with Rician noise", scan.series)
        for volume in scan.anatomy:
            add(folder / f"{name}_{volume.name}w.nii.gz", f"Simulated {volume.name}-weighted image", volume)
        regions_path = folder / f"{name}_desc-tissue_dseg.nii.gz"
        add_regions(files, Regions(scan.labels, scan.label_names), regions_path)
        paths.append(regions_path)
        add(truth_folder / f"{name}_desc-truth_dwi.nii.gz", "Noise-free diffusion series", scan.truth)
        for parameter, volume in scan.parameters.items():
            ending = f"model-ivim_param-{parameter}_dwimap.nii.gz"
            add(truth_folder / f"{name}_{ending}", f"True {parameter}", volume, volume.unit)
    return tuple(paths)
