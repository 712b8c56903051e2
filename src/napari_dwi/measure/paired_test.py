"""Whether one method is better than another over several images: the Wilcoxon signed-rank test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

# With five pairs even differences of one sign only give p = 0.0625.
_FEWEST_PAIRS = 6


@dataclass(frozen=True)
class PairedTest:
    """The outcome of a Wilcoxon signed-rank test, two-sided.

    Parameters
    ----------
    n : int
        Pairs with both values.
    median_difference : float
        Of first minus second.
    p : float
        Probability of differences as large as these by chance; 1 if there are none at all.
    warnings : tuple of str
        Why not to trust it.
    """

    n: int
    median_difference: float
    p: float
    warnings: tuple[str, ...]


def paired_test(
    first: Sequence[float], second: Sequence[float], subjects: Sequence[str] | None = None
) -> PairedTest:
    """Compare the same figure of two methods on the same images.

    Parameters
    ----------
    first, second : sequence of float
        One value for each image. Pairs with a NaN are left out.
    subjects : sequence of str, optional
        Whose image each is; images (slices, b-values) of one patient are not independent.

    Returns
    -------
    PairedTest

    Raises
    ------
    BadInputError
        If the sequences differ in length or no pair is left.
    """
    from scipy.stats import wilcoxon

    if len(first) != len(second) or (subjects is not None and len(subjects) != len(first)):
        raise BadInputError(
            "values cannot be compared in pairs",
            expected="as many of the one as of the other",
            found=f"{len(first)} and {len(second)}",
        )
    differences = np.subtract(first, second, dtype=np.float64)
    known = np.isfinite(differences)
    n = int(np.count_nonzero(known))
    if not n:
        raise BadInputError("there is no pair of values to compare")
    warnings = []
    if n < _FEWEST_PAIRS:
        warnings.append(f"{n} pairs can never differ with p < 0.05; at least {_FEWEST_PAIRS} are needed")
    if subjects is not None:
        whose = [subject for subject, used in zip(subjects, known, strict=True) if used]
        if (people := len(set(whose))) < n:
            warnings.append(
                f"the {n} images come from {people} patients: those of one patient are not independent, "
                "and p is too small"
            )
    used = differences[known]
    p = float(wilcoxon(used).pvalue) if np.any(used) else 1.0
    return PairedTest(n, float(np.median(used)), p, tuple(warnings))
