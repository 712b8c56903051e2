"""A pair of scans in the viewer: the low-resolution one zero-filled, the other over the same millimetres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dwi.gui.layers import window

if TYPE_CHECKING:
    import napari

    from napari_dwi.gui.pair_desk import Scans
    from napari_dwi.superres.pairs.pair import PairFacts

_AXES, _UNITS = ("z", "y", "x"), ("mm", "mm", "mm")


def show_pair(
    viewer: napari.viewer.Viewer,
    facts: PairFacts,
    scans: Scans,
    z: int,
) -> None:
    """Show a pair; layers of the same names are replaced.

    Parameters
    ----------
    viewer : Viewer
        Where.
    facts : PairFacts
        What is known of it.
    scans : (ndarray, ndarray), float32, shape (n_slices, rows, columns)
        That of low and that of high resolution, on the fine grid and upright, in scanner units.
    z : int
        The slice to look at.
    """
    columns_mm, rows_mm, slice_mm = facts.spacing_high_mm
    low, high = scans
    limits = window(high)
    with viewer.layers.batched_update():
        for word, image in (("low, zero-filled", low), ("high", high)):
            name = f"{facts.name} {word}"
            if name in viewer.layers:
                viewer.layers.remove(name)
            viewer.add_image(
                image,
                name=name,
                scale=(slice_mm, rows_mm, columns_mm),
                units=_UNITS,
                axis_labels=_AXES,
                contrast_limits=limits,
                interpolation2d="nearest",
            )
    viewer.reset_view()
    # The last three axes are those of the pair, whatever else is on show.
    axis = viewer.dims.ndim - len(_AXES)
    viewer.dims.set_point(axis, z * slice_mm)
