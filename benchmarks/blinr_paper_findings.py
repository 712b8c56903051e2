"""Tables of the figures of the BL-INR paper, and which of its findings repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from blinr_paper_variants import ENCODINGS, FULL, NO_PRIORS, OMEGAS, PAPER, PATCHES, SHIFTS, THE_TWELVE
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
    levels = _Levels(results, "psnr")
    of = {"snr": str(known["snr"]), "part": str(known["part"])}
    try:
        test = paired_test(*levels.both(2, str(known["variant"]), FULL, **of))
    except BadInputError:
        return ""
    return f"{test.p:.2g}" if not test.warnings else "n < 6"


@dataclass(frozen=True)
class _Levels:
    """PSNR in one of the columns of the results."""

    results: ResultsFile
    column: str

    def mean(self, figure: int, variant: str, snr: str = "1", part: str = "brain") -> float:
        """Over all heads; NaN if there is none."""
        numbers = self.results.numbers(self.column, figure=figure, variant=variant, snr=snr, part=part)
        return float(np.mean(numbers)) if numbers else float("nan")

    def both(
        self, figure: int, first: str, second: str, snr: str = "1", part: str = "brain"
    ) -> tuple[list[float], list[float]]:
        """Of two variants in the heads that both were run on."""
        found: list[dict[str, float]] = [{}, {}]
        for row in self.results.rows:
            if (row["figure"], row["snr"], row["part"]) == (str(figure), snr, part) and row[self.column]:
                for variant, by_head in zip((first, second), found, strict=True):
                    if row["variant"] == variant:
                        by_head[row["head"]] = float(row[self.column])
        heads = [head for head in found[0] if head in found[1]]
        return [found[0][head] for head in heads], [found[1][head] for head in heads]

    def lead(self, figure: int, first: str, second: str, snr: str = "1") -> float:
        """By how much the first is above the second."""
        one, other = self.both(figure, first, second, snr)
        return float(np.mean(one) - np.mean(other)) if one else float("nan")


def findings(results: ResultsFile) -> Iterator[str]:
    """Every finding of the paper that these results can judge, by its own measure and in tissue alone."""
    for column, measure in (
        ("psnr", "as in the paper: whole images after Gudbjartsson-Patz"),
        ("tissue_psnr", "tissue alone, after Koay"),
    ):
        yield f"\nFindings, {measure}"
        levels = _Levels(results, column)
        yield from _of_methods(levels)
        yield from _of_encodings(levels)
        yield from _of_frequencies(levels)
        yield from _of_patches(levels)


def _of_methods(levels: _Levels) -> Iterator[str]:
    for snr in ("1", "3", "5"):
        leads = {name: levels.lead(2, FULL, name, snr) for name in THE_TWELVE}
        known = {name: lead for name, lead in leads.items() if np.isfinite(lead)}
        if known:
            best = min(known, key=known.__getitem__)
            yield _said(
                known[best] > 0,
                f"BL-INR has the highest PSNR at SNR {snr}",
                f"{known[best]:+.2f} dB to {best}",
            )


def _of_encodings(levels: _Levels) -> Iterator[str]:
    gain = levels.lead(10, FULL, f"{NO_PRIORS}band-limited")
    if np.isfinite(gain):
        yield _said(gain > 0, "priors help (paper +2.40 dB)", f"{gain:+.2f} dB")
    known = {name: levels.mean(11, f"{NO_PRIORS}{name}") for name in ENCODINGS}
    known = {name: db for name, db in known.items() if np.isfinite(db)}
    if len(known) < len(ENCODINGS):
        return
    order = sorted(known, key=known.__getitem__, reverse=True)
    told = ", ".join(f"{name} {known[name]:.2f}" for name in order)
    yield _said(order[0] == "band-limited", "band-limited is the best encoding", told)
    less = known["original coordinates"] - known["Fourier"]
    yield _said(less > 0, "Fourier is worse than plain coordinates (paper 1.77 dB)", f"{less:.2f} dB")
    yield _said(order[-1] == "hash", "hash is the worst encoding", f"{known['hash']:.2f} dB")


def _of_frequencies(levels: _Levels) -> Iterator[str]:
    for part, snr in _CURVES:
        curve = {omega: levels.mean(11, f"omega {omega}", snr, part) for omega in OMEGAS}
        if not np.isfinite(list(curve.values())).all():
            continue
        best = max(curve, key=curve.__getitem__)
        told = ", ".join(f"{omega}: {db:.2f}" for omega, db in curve.items())
        flat = max(curve.values()) - min(curve.values()) < 2 * _SAME_DB
        ends = max(curve[OMEGAS[0]], curve[OMEGAS[-1]])
        yield _said(
            curve[best] - curve[20] < _SAME_DB <= curve[20] - ends and not flat,
            f"omega_max = 20 is the peak of an inverted U ({part}, SNR {snr})",
            told + (" - flat" if flat else ""),
        )


def _of_patches(levels: _Levels) -> Iterator[str]:
    sizes = {size: levels.mean(12, f"patch {size}") for size in PATCHES}
    if np.isfinite(list(sizes.values())).all():
        told = ", ".join(f"{size}: {db:.2f}" for size, db in sizes.items())
        yield _said(max(sizes, key=sizes.__getitem__) == 3, "patches of 3 are the best", told)
    lost = levels.lead(12, f"patch 9, shift {SHIFTS[0]}", f"patch 9, shift {SHIFTS[-1]}")
    if np.isfinite(lost):
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
