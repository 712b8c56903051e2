"""Tables of the figures of the BL-INR paper, and which of its findings repeat."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from blinr_paper_variants import ENCODINGS, FULL, NO_PRIORS, OMEGAS, PAPER, PATCHES, SHIFTS
from results_file import ResultsFile

from napari_dwi.errors import BadInputError
from napari_dwi.measure.paired_test import paired_test

_CURVES = (
    ("brain", "1"),
    ("brain", "3"),
    ("brain", "5"),
    ("abdomen", "3"),
    ("head-neck", "3"),
    ("pelvis", "3"),
)
# Differences below are no differences.
_SAME_DB = 0.1


def print_tables(results: ResultsFile, figures: list[int]) -> None:
    """Mean and SD over the heads of every variant, beside the paper's."""
    for figure in figures:
        print(f"\nfigure {figure}: mean (SD) over heads")
        print(
            f"{'part':10}{'SNR':>4}  {'variant':34}{'PSNR dB':>15}{'paper':>8}{'SSIM':>16}{'paper':>8}",
            end="",
        )
        print(f"{'Koay dB':>9}{'tissue dB':>11}{'LPIPS':>8}{'heads':>6}{'p':>9}{'CPU s':>8}")
        rows = [row for row in results.rows if row["figure"] == str(figure)]
        for part, snr, variant in dict.fromkeys((r["part"], r["snr"], r["variant"]) for r in rows):
            known = {"figure": figure, "part": part, "snr": snr, "variant": variant}
            levels, similar = results.numbers("psnr", **known), results.numbers("ssim", **known)
            if not levels:
                continue
            psnr, ssim = PAPER.get((figure, part, snr, variant), (None, None))
            look = results.numbers("lpips", **known)
            print(
                f"{part:10}{snr:>4}  {variant:34}{_mean_sd(levels, 2):>15}{_cell(psnr, 2):>8}"
                f"{_mean_sd(similar, 4):>16}{_cell(ssim, 3):>8}"
                f"{np.mean(results.numbers('koay_psnr', **known)):9.2f}"
                f"{np.mean(results.numbers('tissue_psnr', **known)):11.2f}"
                f"{_cell(float(np.mean(look)) if look else None, 3):>8}{len(levels):6}"
                f"{_chance(results, known) if figure == 2 else '':>9}"
                f"{np.mean(results.numbers('seconds', **known)):8.1f}"
            )


def _chance(results: ResultsFile, known: dict[str, object]) -> str:
    """Wilcoxon's p of the PSNR of a method against that of BL-INR."""
    if known["variant"] == FULL:
        return ""
    own, other = results.numbers("psnr", **known), results.numbers("psnr", **known | {"variant": FULL})
    try:
        test = paired_test(own, other)
    except BadInputError:
        return ""
    return f"{test.p:.2g}" if not test.warnings else "n < 6"


def findings(results: ResultsFile) -> Iterator[str]:
    """Every finding of the paper that these results can judge."""

    def level(figure: int, variant: str, snr: str = "1", part: str = "brain") -> float:
        numbers = results.numbers("psnr", figure=figure, variant=variant, snr=snr, part=part)
        return float(np.mean(numbers)) if numbers else float("nan")

    for snr in ("1", "3", "5"):
        methods = dict.fromkeys(r["variant"] for r in results.rows if r["figure"] == "2" and r["snr"] == snr)
        by_method = {name: level(2, name, snr) for name in methods}
        others = {name: db for name, db in by_method.items() if not name.startswith(("BL-INR", "bl-inr"))}
        if FULL in by_method and others:
            best = max(others, key=others.__getitem__)
            ahead = by_method[FULL] - others[best]
            yield _said(
                ahead > 0, f"BL-INR has the highest PSNR at SNR {snr}", f"{ahead:+.2f} dB against {best}"
            )
    full, bare = level(10, FULL), level(10, f"{NO_PRIORS}band-limited")
    if np.isfinite(full - bare):
        yield _said(full > bare, "priors help (paper +2.40 dB)", f"{full - bare:+.2f} dB")
    for figure in (10, 11):
        encodings = {name: level(figure, f"{NO_PRIORS}{name}") for name in ENCODINGS}
        known = {name: db for name, db in encodings.items() if np.isfinite(db)}
        if len(known) > 2:
            order = sorted(known, key=known.__getitem__, reverse=True)
            told = ", ".join(f"{name} {known[name]:.2f}" for name in order)
            yield _said(
                order[0] == "band-limited", f"band-limited is the best encoding (figure {figure})", told
            )
            if {"Fourier", "original coordinates"} <= set(known):
                less = known["original coordinates"] - known["Fourier"]
                yield _said(less > 0, "Fourier is worse than plain coordinates", f"by {less:.2f} dB")
            if "hash" in known:
                yield _said(order[-1] == "hash", "hash is the worst encoding", f"{known['hash']:.2f} dB")
    for part, snr in _CURVES:
        curve = {omega: level(11, f"omega {omega}", snr, part) for omega in OMEGAS}
        curve = {omega: db for omega, db in curve.items() if np.isfinite(db)}
        if 20 in curve and len(curve) > 2:
            best_omega = max(curve, key=curve.__getitem__)
            told = ", ".join(f"{omega}: {db:.2f}" for omega, db in curve.items())
            near = curve[best_omega] - curve[20] < _SAME_DB
            flat = max(curve.values()) - min(curve.values()) < 2 * _SAME_DB
            yield _said(
                near and not flat,
                f"omega_max = 20 is the peak of an inverted U ({part}, SNR {snr})",
                told + (" - flat" if flat else ""),
            )
    sizes = {size: level(12, f"patch {size}") for size in PATCHES}
    sizes = {size: db for size, db in sizes.items() if np.isfinite(db)}
    if 3 in sizes and len(sizes) > 2:
        told = ", ".join(f"{size}: {db:.2f}" for size, db in sizes.items())
        yield _said(max(sizes, key=sizes.__getitem__) == 3, "patches of 3 are the best", told)
    shifts = {shift: level(12, f"patch 9, shift {shift}") for shift in SHIFTS}
    if np.isfinite(shifts[0] - shifts[3]):
        lost = shifts[0] - shifts[3]
        yield _said(
            lost < 2 * _SAME_DB, "shifts of 3 voxels cost hardly anything (paper 0.06 dB)", f"{lost:.2f} dB"
        )


def _said(repeats: bool, finding: str, found: str) -> str:
    return f"{'repeats' if repeats else 'does NOT repeat'}: {finding}; here {found}"


def _mean_sd(values: list[float], digits: int) -> str:
    if not values:
        return ""
    spread = f" ({np.std(values, ddof=1):.{digits}f})" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def _cell(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
