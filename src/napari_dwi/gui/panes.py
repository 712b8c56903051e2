"""Images side by side: one pane each, with the regions in every pane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    import napari
    from napari.layers import Image

    from napari_dwi.gui.region_layers import RegionLayers

_LAYERS_PER_PANE = 2
_PANE_GAP = 4
_NAME_FONT_SIZE = 12


class Panes:
    """Shows the images of a scan one above the other or side by side, with linked cameras.

    ``toggled`` tells that the user asked for the other by napari's own button or key; the layers
    must be arranged anew then, as napari pairs them by their order alone.
    """

    toggled = Signal()

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        viewer.canvas.grid.stride = _LAYERS_PER_PANE
        viewer.canvas.grid.spacing = _PANE_GAP
        self._switching = False
        viewer.canvas.grid.events.enabled.connect(self._on_grid)

    @property
    def side_by_side(self) -> bool:
        """Whether every image has its pane."""
        return bool(self._viewer.canvas.grid.enabled)

    def leave(self) -> None:
        """Leave the panes, for layers to come and go without drawing all of them each time."""
        self._switch(on=False)

    def arrange(self, images: list[Image], regions: RegionLayers | None, *, side_by_side: bool) -> None:
        """Lay out the images, the first one top left.

        Side by side, napari gives a pane to every two layers in their order: an image and the
        regions on top of it. One above the other, the first image is on show, and the regions on
        top of all.
        """
        # napari makes all panes anew at every change of a layer: with the grid off, once at the end.
        self.leave()
        if regions is not None:
            regions.keep_partners_of(images if side_by_side else [])
            regions.put_back()
        for image in images:
            image.name_overlay.visible = side_by_side
            image.name_overlay.position = "top_left"
            image.name_overlay.font_size = _NAME_FONT_SIZE
        order = []
        for image in images:
            order.append(image)
            if regions is not None and side_by_side:
                order.append(regions.layer if image is images[0] else regions.partner_of(image))
        if regions is not None and not side_by_side:
            order.append(regions.layer)
        self._put_in_order(order)
        if side_by_side:
            for layer in order:
                layer.visible = True
        self._switch(on=side_by_side)
        if regions is not None:
            self._viewer.layers.selection.active = regions.layer if side_by_side else images[0]

    def _switch(self, *, on: bool) -> None:
        self._switching = True
        try:
            self._viewer.canvas.grid.enabled = on
        finally:
            self._switching = False

    def _on_grid(self) -> None:
        if not self._switching:
            self.toggled.emit()

    def _put_in_order(self, order: list[object]) -> None:
        layers = self._viewer.layers
        # Layers of the user's own stay behind ours, in panes of their own at the end.
        for position, layer in enumerate(order):
            if layers.index(layer) != position:
                layers.move(layers.index(layer), position)
