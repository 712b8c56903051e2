"""A series with known voxels, and ParaVision and PAR/REC files written as their scanners write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

SHAPE = (6, 5, 4, 3)
B_VALUES = (0.0, 200.0, 800.0)
STORED = np.random.default_rng(7).integers(1, 900, SHAPE).astype(np.int16)


def write_paravision(
    study: Path,
    stored: np.ndarray = STORED,
    *,
    b_values: tuple[float, ...] | None = B_VALUES,
    slice_first: bool = True,
    slope: float = 2.0,
    **changes: str,
) -> Path:
    """Scan 5 of a study: visu_pars and method as ParaVision 6 lays them out; the folder of 2dseq.

    Slices of 2.5 x 2 mm voxels, 3 mm apart, in LPS axes, with the corner of the first at (-10, 4, 7) mm.
    """
    nx, ny, nz, n = stored.shape
    frames = stored.reshape(nx, ny, nz * n, order="F")
    groups = f"({nz}, <FG_SLICE>, <>, 0, 2) ({n}, <FG_DIFFUSION>, <Diffusion>, 2, 1)"
    if not slice_first:
        frames = stored.transpose(0, 1, 3, 2).reshape(nx, ny, nz * n, order="F")
        groups = f"({n}, <FG_DIFFUSION>, <Diffusion>, 0, 1) ({nz}, <FG_SLICE>, <>, 1, 2)"
    n_frames = nz * n
    orientation = "1 0 0 0 1 0 0 0 1 " * nz
    positions = " ".join(f"-10 4 {7 + 3 * z}" for z in range(nz))
    said = {
        "VisuCoreFrameCount": str(n_frames),
        "VisuCoreDim": "2",
        "VisuCoreSize": f"( 2 )\n{nx} {ny}",
        "VisuCoreDimDesc": "( 2 )\nspatial spatial",
        "VisuCoreExtent": f"( 2 )\n{2.5 * nx} {2 * ny}",
        "VisuCoreFrameThickness": "( 1 )\n3",
        "VisuCoreOrientation": f"( {nz}, 9 )\n{orientation}",
        "VisuCorePosition": f"( {nz}, 3 )\n{positions}",
        "VisuCoreDataOffs": f"( {n_frames} )\n" + " ".join(["1"] * n_frames),
        "VisuCoreDataSlope": f"( {n_frames} )\n" + " ".join([f"{slope:g}"] * n_frames),
        "VisuCoreFrameType": "MAGNITUDE_IMAGE",
        "VisuCoreWordType": "_16BIT_SGN_INT",
        "VisuCoreByteOrder": "littleEndian",
        "VisuFGOrderDescDim": "2",
        "VisuFGOrderDesc": f"( 2 )\n{groups}",
        "VisuAcquisitionProtocol": "( 64 )\n<DtiEpi>",
    } | changes
    folder = study / "5" / "pdata" / "1"
    folder.mkdir(parents=True)
    (folder / "2dseq").write_bytes(frames.astype("<i2").tobytes(order="F"))
    (folder / "visu_pars").write_text(_jcamp(said))
    method = {"Method": "<Bruker:DtiEpi>"}
    if b_values is not None:
        method["PVM_DwEffBval"] = f"( {len(b_values)} )\n" + " ".join(f"{b:g}" for b in b_values)
    (study / "5" / "method").write_text(_jcamp(method))
    return folder


def _jcamp(said: dict[str, str]) -> str:
    lines = [
        "##TITLE=Parameter List, ParaVision 6.0.1",
        "##JCAMPDX=4.24",
        "##DATATYPE=Parameter Values",
        "##ORIGIN=Bruker BioSpin MRI GmbH",
        "##OWNER=nmrsu",
    ]
    return "\n".join([*lines, *[f"##${key}={value}" for key, value in said.items()], "##END="]) + "\n"


_PAR_HEAD = """# === DATA DESCRIPTION FILE ======================================================
#
# === GENERAL INFORMATION ========================================================
#
.    Patient name                       :   phantom
.    Examination name                   :   test
.    Protocol name                      :   DWI three b
.    Examination date/time              :   2014.01.01 / 10:00:00
.    Series Type                        :   Image   MRSERIES
.    Acquisition nr                     :   1
.    Reconstruction nr                  :   1
.    Scan Duration [sec]                :   1
.    Max. number of cardiac phases      :   1
.    Max. number of echoes              :   1
.    Max. number of slices/locations    :   {nz}
.    Max. number of dynamics            :   1
.    Max. number of mixes               :   1
.    Patient position                   :   Head First Supine
.    Preparation direction              :   Anterior-Posterior
.    Technique                          :   DwiSE
.    Scan resolution  (x, y)            :   {nx}  {ny}
.    Scan mode                          :   MS
.    Repetition time [ms]               :   3000.000
.    FOV (ap,fh,rl) [mm]                :   {fov_y}  {fov_z}  {fov_x}
.    Water Fat shift [pixels]           :   10.000
.    Angulation midslice(ap,fh,rl)[degr]:   0.000  0.000  0.000
.    Off Centre midslice(ap,fh,rl) [mm] :   1.000  2.000  3.000
.    Flow compensation <0=no 1=yes> ?   :   0
.    Presaturation     <0=no 1=yes> ?   :   0
.    Phase encoding velocity [cm/sec]   :   0.000000  0.000000  0.000000
.    MTC               <0=no 1=yes> ?   :   0
.    SPIR              <0=no 1=yes> ?   :   1
.    EPI factor        <0,1=no EPI>     :   35
.    Dynamic scan      <0=no 1=yes> ?   :   0
.    Diffusion         <0=no 1=yes> ?   :   1
.    Diffusion echo time [ms]           :   0.0000
.    Max. number of diffusion values    :   {n}
.    Max. number of gradient orients    :   2
.    Number of label types   <0=no ASL> :   0
#
# === PIXEL VALUES =============================================================
#
# === IMAGE INFORMATION DEFINITION =============================================
#
# === IMAGE INFORMATION ==========================================================
#  sl ec  dyn ph ty    idx pix scan% rec size                (re)scale              window        angulation
"""
# Scale of every volume: rescale slope, rescale intercept and scale slope.
PAR_SCALES = ((2.0, 0.0, 0.5), (4.0, 0.0, 0.25), (2.0, 4.0, 0.5))
PAR_DIRECTIONS = ((0, 0, 0), (1, 0, 0), (0, 0, 1))
PAR_SPACING_MM = (2.0, 2.5, 3.0)


def write_par_rec(folder: Path, stored: np.ndarray = STORED, *, image_type: int = 0) -> Path:
    """A V4.2 recording with axial slices; the volumes are stored slice by slice, volumes fastest."""
    nx, ny, nz, n = stored.shape
    dx, dy, dz = PAR_SPACING_MM
    lines = []
    planes = []
    for z in range(nz):
        for volume in range(n):
            rescale, intercept, scale = PAR_SCALES[volume]
            direction = PAR_DIRECTIONS[volume]
            words = [
                *(z + 1, 1, 1, 1, image_type, 0, len(planes), 16, 100, nx, ny),
                *(intercept, rescale, scale, 100, 200),
                *(0.0, 0.0, 0.0, 1.0, 2.0 + dz * (z - (nz - 1) / 2), 3.0),
                *(dz, 0.0, 0, 1, 0, 2, dx, dy, 80.0, 0.0, 0.0, B_VALUES[volume], 1, 90.0),
                *(0, 0, 0, 35, 0.0, volume + 1, int(volume > 0) + 1, "DW", "T", *direction, 1),
            ]
            lines.append("  ".join(str(word) for word in words))
            planes.append(stored[:, :, z, volume])
    head = _PAR_HEAD.format(nx=nx, ny=ny, nz=nz, n=n, fov_x=nx * dx, fov_y=ny * dy, fov_z=nz * dz)
    folder.mkdir(parents=True, exist_ok=True)
    version = "# CLINICAL TRYOUT             Research image export tool     V4.2\n"
    head = head.replace("#\n# === GENERAL", f"#\n{version}#\n# === GENERAL", 1)
    (folder / "scan.PAR").write_text(head + "\n".join(lines) + "\n\n# === END OF DATA DESCRIPTION FILE ===\n")
    rec = np.stack(planes, axis=-1).astype("<u2")
    (folder / "scan.REC").write_bytes(rec.tobytes(order="F"))
    return folder / "scan.PAR"
