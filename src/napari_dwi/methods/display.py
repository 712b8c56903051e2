"""How a parameter map is best looked at: screen units, limits and colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from napari_dwi.scan import Volume


@dataclass(frozen=True)
class Display:
    """How to show an image whose values mean something by themselves.

    Parameters
    ----------
    symbol : str
        What it is called on the screen (``"D*"``); its role if empty.
    factor : float
        What values are multiplied by for the screen: 1000 shows mm2/s as 10^-3 mm2/s.
    unit : str
        Unit on the screen; empty for pure numbers.
    limits : tuple of float, optional
        Contrast limits in screen units, the same for every scan so that colours can be compared;
        ``None`` for values in scanner units.
    colormap : str
        A colour map that napari knows.
    codes : mapping of int to str
        What the whole numbers of a label image mean.
    """

    symbol: str = ""
    factor: float = 1.0
    unit: str = ""
    limits: tuple[float, float] | None = None
    colormap: str = "viridis"
    codes: Mapping[int, str] = field(default_factory=dict)

    def on_screen(self, volume: Volume) -> Volume:
        """The same image in screen units."""
        if self.factor == 1.0:
            return replace(volume, unit=self.unit)
        return replace(volume, data=volume.data * np.float32(self.factor), unit=self.unit)
