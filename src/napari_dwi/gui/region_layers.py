"""Regions of interest as napari labels: one array of voxels, shown in every pane."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_dwi.gui.layers import add_label_layer
from napari_dwi.scan import View, Volume
from napari_dwi.scan.regions import Regions

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Labels

# Bright on black and grey, and apart for colour-blind eyes (Okabe and Ito).
_COLOURS = ("#ffd21f", "#56b4e9", "#ff6f3c", "#00d08a", "#e79bcb", "#f0e442", "#4d8dff", "#ff4d6d")
_SETTLE_MS = 20
_LAYER_NAME = "Regions"
_MOST_REGIONS = 255

Digest = tuple[int, tuple[tuple[int, str], ...]]


@dataclass(frozen=True)
class Region:
    """A named region: its label in the array, its name and its colour."""

    code: int
    name: str
    colour: str


class RegionLayers:
    """The regions drawn on a scan.

    Parameters
    ----------
    viewer : Viewer
        Where they are shown.
    view : View
        The layout of the scan they belong to.
    """

    changed = Signal()

    def __init__(self, viewer: napari.Viewer, view: View) -> None:
        self.view = view
        self._viewer = viewer
        self._names: dict[int, str] = {}
        # Undo brings back the voxels of a removed region, and its name belongs to them.
        self._removed: dict[int, str] = {}
        self._labels = np.zeros(view.shape, dtype=np.uint8)
        self._partners: dict[Image, Labels] = {}
        self._settle = QTimer()
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)
        self._seen = self.digest
        self.layer = self._new_layer(_LAYER_NAME)
        self.layer.events.labels_update.connect(self._on_edit)
        # Undo and redo announce themselves only as new data to draw.
        self.layer.events.set_data.connect(self._on_edit)

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions in the order they were added."""
        return tuple(Region(code, name, colour_of(code)) for code, name in self._names.items())

    @property
    def active(self) -> Region | None:
        """The region that drawing goes to."""
        code = int(self.layer.selected_label)
        return next((region for region in self.regions if region.code == code), None)

    def add(self, name: str | None = None) -> Region:
        """Add an empty region and make it the active one."""
        code = next(code for code in range(1, _MOST_REGIONS + 1) if code not in self._names)
        self._names[code] = name or self._free_name(code)
        self.activate(code)
        self._settle.start()
        return Region(code, self._names[code], colour_of(code))

    def activate(self, code: int) -> None:
        """Let drawing go to a region."""
        self.layer.selected_label = code

    def rename(self, code: int, name: str) -> bool:
        """Give a region another name; whether it could have it, as names tell regions apart."""
        others = [known for other, known in self._names.items() if other != code]
        free = bool(name.strip()) and name.strip() not in others
        if free:
            self._names[code] = name.strip()
            self._settle.start()
        return free

    def remove(self, code: int) -> None:
        """Erase a region; undo brings its voxels back."""
        self.fill(np.nonzero(self._labels == code), 0)
        if code in self._names:
            self._removed[code] = self._names.pop(code)
        self._settle.start()

    def fill(self, voxels: tuple[np.ndarray, ...], code: int) -> None:
        """Set voxels (indices z, y, x) to a region; can be undone."""
        if voxels[0].size:
            self.layer.data_setitem(voxels, code)

    def as_regions(self) -> Regions:
        """A snapshot in the stored order of the scan."""
        data = np.ascontiguousarray(self.view.from_display(self._labels)).astype(np.float32)
        return Regions(Volume(data, self.view.grid, "labels", name="regions"), dict(self._names))

    def load(self, regions: Regions) -> None:
        """Replace all regions."""
        self._labels[...] = self.view.to_display(regions.labels.data).astype(np.uint8)
        self._names = dict(regions.names)
        if self._names:
            self.activate(next(iter(self._names)))
        self.layer.refresh()

    def preview(self, data: np.ndarray, index: tuple[slice | int, ...]) -> None:
        """Show voxels while they are being drawn, outside the undo history."""
        self._labels[index] = data
        for layer in (self.layer, *self._partners.values()):
            layer.refresh()

    @property
    def digest(self) -> Digest:
        """Tells whether voxels or names changed: napari also announces mere changes of slice."""
        return zlib.crc32(self._labels.data), tuple(self._names.items())

    @property
    def labels(self) -> np.ndarray:
        """The voxels in display order (z, y, x)."""
        return self._labels

    def partner_of(self, image: Image) -> Labels:
        """Another layer of the same voxels, for the pane of an image."""
        if image not in self._partners:
            layer = self._new_layer(f"{_LAYER_NAME} · {image.name}")
            # One layer is drawn on, so that there is one history to undo.
            layer.editable = False
            self._partners[image] = layer
        return self._partners[image]

    def keep_partners_of(self, images: list[Image]) -> None:
        """Take away the additional layers of all other images, and those the user has removed."""
        for image, layer in list(self._partners.items()):
            if layer not in self._viewer.layers:
                del self._partners[image]
            elif image not in images:
                self._viewer.layers.remove(layer)
                del self._partners[image]

    def put_back(self) -> None:
        """Show the regions again if the user has removed their layer."""
        if self.layer not in self._viewer.layers:
            self._viewer.add_layer(self.layer)

    def forget(self) -> None:
        """Watch the voxels no longer."""
        self._settle.stop()

    def close(self) -> None:
        """Take everything off the viewer."""
        self.forget()
        self.keep_partners_of([])
        if self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)

    def _new_layer(self, name: str) -> Labels:
        layer = add_label_layer(self._viewer, self._labels, self.view, name)
        colours: dict[int | None, str] = {code: colour_of(code) for code in range(1, _MOST_REGIONS + 1)}
        layer.colormap = DirectLabelColormap(color_dict=colours | {0: "transparent", None: "white"})
        return layer

    def _on_edit(self) -> None:
        self._settle.start()

    def _on_settled(self) -> None:
        if self.digest == self._seen:
            return
        self._name_unknown_labels()
        self._seen = self.digest
        for layer in self._partners.values():
            layer.refresh()
        self.changed.emit()

    def _name_unknown_labels(self) -> None:
        """Name labels that came by undo, or that were chosen in napari's own controls."""
        for code in np.flatnonzero(np.bincount(self._labels.ravel())):
            if code and int(code) not in self._names:
                self._names[int(code)] = self._free_name(int(code))

    def _free_name(self, code: int) -> str:
        """The name a region had before it was removed, or a new one."""
        taken = self._names.values()
        if (before := self._removed.pop(code, None)) is not None and before not in taken:
            return before
        number = code
        while (name := f"region {number}") in taken:
            number += 1
        return name


def colour_of(code: int) -> str:
    """The colour of a region."""
    return _COLOURS[(code - 1) % len(_COLOURS)]
