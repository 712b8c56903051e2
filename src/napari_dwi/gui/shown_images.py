"""The images on show, each with its layer, and the contrast they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_dwi.gui.layers import add_image_layer, on_all_volumes
from napari_dwi.gui.windowing import VolumeWindows
from napari_dwi.methods.method import OutputImage
from napari_dwi.methods.provenance import sidecar_of
from napari_dwi.methods.running import Result
from napari_dwi.scan import DwiSeries, View, Volume

if TYPE_CHECKING:
    import napari
    from napari.layers import Image, Layer

_LINKED = ("contrast_limits", "gamma", "colormap")
# Roles whose values are not those of a scan.
_OWN_WINDOWS = ("residual", "SD")


@dataclass(frozen=True, eq=False)
class Shown:
    """An image on show, with its layer.

    ``image`` is in screen units. ``result`` and ``output`` are what it is part of, ``None`` for what
    was loaded.
    """

    image: DwiSeries | Volume
    layer: Image
    role: str
    result: Result | None = None
    output: OutputImage | None = None


class ShownImages:
    """Images of one scan in their order on the screen.

    Parameters
    ----------
    viewer : Viewer
        Where they are shown.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self.shown: list[Shown] = []
        self._viewer = viewer
        self._windows: list[VolumeWindows] = []

    def add(
        self,
        image: DwiSeries | Volume,
        view: View,
        name: str,
        role: str,
        *,
        series: DwiSeries | None = None,
        result: Result | None = None,
        output: OutputImage | None = None,
    ) -> Shown:
        """Show an image in a layer of its own.

        Parameters
        ----------
        image : DwiSeries or Volume
            On the grid of the view, or on a finer one with the same axes.
        view : View
            How the scan is laid out.
        name : str
            Name of the layer, made different from those there are.
        role : str
            What it is: ``"scan"``, ``"anatomy"``, or the role of an output.
        series : DwiSeries, optional
            The scan, whose volumes the slider counts.
        result, output
            What it is part of.
        """
        display = None if output is None else output.display
        if isinstance(image, Volume) and display is not None:
            image = display.on_screen(image)
        metadata = (
            sidecar_of(result.record, output, Path.cwd()) if result is not None and output is not None else {}
        )
        layer = add_image_layer(
            self._viewer,
            on_all_volumes(image, series) if isinstance(image, DwiSeries) and series is not None else image,
            view,
            self._free_name(name),
            is_residual=role == "residual",
            display=display,
            metadata=metadata,
        )
        shown = Shown(image, layer, role, result, output)
        self.shown.append(shown)
        self._link(shown)
        return shown

    def exchange(self, old: Volume, new: Volume, view: View) -> None:
        """Show another version of an image in the layer of the one before."""
        for n, shown in enumerate(self.shown):
            if shown.image is old:
                shown.layer.data = view.to_display(new.data)
                self.shown[n] = replace(shown, image=new)

    def remove(self, image: DwiSeries | Volume) -> None:
        """Take an image off the screen."""
        for shown in [shown for shown in self.shown if shown.image is image]:
            self._viewer.layers.remove(shown.layer)

    def forget(self, layer: Layer) -> Shown | None:
        """Forget the image of a layer that is gone; gives what it was."""
        gone = next((shown for shown in self.shown if shown.layer is layer), None)
        if gone is not None:
            self.shown.remove(gone)
            for windows in [windows for windows in self._windows if windows.layer is layer]:
                windows.close()
                self._windows.remove(windows)
        return gone

    def clear(self) -> None:
        """Take everything off the screen."""
        self.close()
        layers = [shown.layer for shown in self.shown]
        self.shown.clear()
        for layer in layers:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def close(self) -> None:
        """Follow the viewer no longer."""
        for windows in self._windows:
            windows.close()
        self._windows.clear()

    def _link(self, new: Shown) -> None:
        """Let results of all volumes share the window of the scan, and follow it from b to b.

        What has another meaning, or other volumes, has windows of its own.
        """
        if not isinstance(new.image, DwiSeries):
            return
        scan = next((shown for shown in self.shown if shown.role == "scan"), new)
        same_volumes = new.layer.data.shape[0] == scan.layer.data.shape[0]
        if new is scan or new.role in _OWN_WINDOWS or not same_volumes:
            self._windows.append(VolumeWindows(self._viewer, new.layer, is_residual=new.role == "residual"))
        else:
            new.layer.contrast_limits_range = scan.layer.contrast_limits_range
            new.layer.contrast_limits = scan.layer.contrast_limits
            self._viewer.layers.link_layers([scan.layer, new.layer], _LINKED)

    def _free_name(self, name: str) -> str:
        taken = {layer.name for layer in self._viewer.layers}
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} {number}"
        return free
