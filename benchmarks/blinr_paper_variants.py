"""What the figures of the BL-INR paper compare, and the numbers it prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from denoise_runs import Run, runs_of

_NO_PRIORS = (("use_b_values", "no"), ("use_anatomy", "no"))
_PARTS = ("abdomen", "head-neck", "pelvis")
OMEGAS = (5, 10, 20, 40, 60, 80)
PATCHES = (1, 3, 5, 7, 9)
SHIFTS = (0, 1, 2, 3)
FULL = "BL-INR"
# By the paper's name of the encoding; figures 10 and 11 leave the priors out to compare them.
ENCODINGS = {
    "original coordinates": "coordinates",
    "Fourier": "fourier",
    "hash": "hash",
    "wavelet": "wavelet",
    "band-limited": "band-limited",
}
NO_PRIORS = "no priors, "
# What the paper compares with.
THE_TWELVE = (
    "gaussian",
    "median",
    "non-local-means",
    "wavelet",
    "bm4d",
    "perona-malik",
    "total-variation",
    "noise2self",
    "noise2void",
    "patch2self",
    "mm-bsn",
    "zs-n2n",
)


@dataclass(frozen=True)
class Variant:
    """One bar or point of a figure.

    Parameters
    ----------
    title : str
        What is compared.
    snr : float
        Of the b = 0 volume.
    settings : tuple of (str, str)
        Of BL-INR, besides its preset ``paper``.
    other : Run, optional
        Another method, or BL-INR with another preset.
    part : str
        The simulated part of the body.
    shift : int
        Voxels by which the priors are moved along y.
    """

    title: str
    snr: float = 1.0
    settings: tuple[tuple[str, str], ...] = ()
    other: Run | None = None
    part: str = "brain"
    shift: int = 0

    def run(self, how: Mapping[str, object]) -> Run:
        """The run that makes it, with width, epochs, batch and precision of BL-INR."""
        target = ("targets", "0")
        if self.other is not None:
            return Run(self.other.method, self.other.preset, (target,))
        own = (
            ("width", str(how["width"])),
            ("epochs", str(how["epochs"])),
            ("batch_size", str(how["batch"])),
            ("mixed_precision", "yes" if how["precision"] == "mixed" else "no"),
            target,
        )
        return Run("bl-inr", "paper", (*own, *self.settings))


def variants_of(figure: int, methods: list[str]) -> list[Variant]:
    """All variants of a figure; ``methods`` limits those of figure 2."""
    if figure != 2:
        return list(VARIANTS[figure])
    others = [run for run in runs_of(methods) if run.title != "bl-inr paper"]
    return [
        variant
        for snr in (1.0, 3.0, 5.0)
        for variant in (Variant(FULL, snr), *(Variant(run.title, snr, other=run) for run in others))
    ]


def _encoding(name: str) -> Variant:
    return Variant(f"{NO_PRIORS}{name}", settings=(("encoding", ENCODINGS[name]), *_NO_PRIORS))


VARIANTS: dict[int, tuple[Variant, ...]] = {
    2: (),
    10: (*(_encoding(name) for name in ("original coordinates", "Fourier", "band-limited")), Variant(FULL)),
    11: (
        *(
            Variant(f"omega {omega}", snr, (("omega_max", str(omega)),))
            for snr in (1.0, 3.0, 5.0)
            for omega in OMEGAS
        ),
        *(
            Variant(f"omega {omega}", 3.0, (("omega_max", str(omega)),), part=part)
            for part in _PARTS
            for omega in OMEGAS
        ),
        *(_encoding(name) for name in ENCODINGS),
    ),
    12: (
        *(Variant(f"patch {size}", settings=(("patch_size", str(size)),)) for size in PATCHES),
        *(
            Variant(f"patch 9, shift {shift}", settings=(("patch_size", "9"),), shift=shift)
            for shift in SHIFTS
        ),
    ),
}

# PSNR (dB) and SSIM of the paper, as printed in its sections 3.2 and 3.5 to 3.7.
PAPER = {
    (2, "brain", "1", FULL): (35.44, 0.933),
    (2, "brain", "5", FULL): (40.49, 0.952),
    (2, "brain", "1", "patch2self"): (34.24, None),
    (10, "brain", "1", f"{NO_PRIORS}original coordinates"): (31.70, 0.848),
    (10, "brain", "1", f"{NO_PRIORS}Fourier"): (29.93, 0.829),
    (10, "brain", "1", f"{NO_PRIORS}band-limited"): (33.04, 0.876),
    (10, "brain", "1", FULL): (35.44, 0.933),
    (11, "brain", "1", "omega 20"): (35.44, 0.933),
    (11, "brain", "5", "omega 20"): (40.49, 0.952),
    (11, "brain", "1", f"{NO_PRIORS}original coordinates"): (31.70, 0.8486),
    (11, "brain", "1", f"{NO_PRIORS}Fourier"): (29.93, 0.829),
    (11, "brain", "1", f"{NO_PRIORS}hash"): (23.04, 0.7399),
    (11, "brain", "1", f"{NO_PRIORS}band-limited"): (33.04, 0.876),
    (12, "brain", "1", "patch 3"): (35.44, 0.933),
    (12, "brain", "1", "patch 9"): (35.19, 0.9293),
    (12, "brain", "1", "patch 9, shift 0"): (35.19, 0.9293),
    (12, "brain", "1", "patch 9, shift 3"): (35.13, 0.9283),
}
