"""The Super-resolve dock: finer slices of the scan on show, beside it and over the same places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QPushButton

from napari_dwi.errors import DwiError
from napari_dwi.gui.method_dock import MethodDock
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import Volume, open_volume

if TYPE_CHECKING:
    import napari

# Needs no training, and says nothing that was not acquired.
_FIRST = "zero-fill-nlm"
# What says which network is used.
_NETWORK = ("checkpoint", "factor")


class SuperresDock(MethodDock):
    """Super-resolve the scan on show in the background; the result arrives beside it."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(
            napari_viewer, "superres", title="Super-resolve", icon_name="super-resolve", verb="Super-resolve"
        )

    def on_scan(self) -> None:
        """Meet another scan; a network that was picked, perhaps just trained, is one for this scan too."""
        try:
            before = {} if self.form is None else self.form.values().as_dict()
        except DwiError:
            before = {}
        super().on_scan()
        if self.form is not None:
            kept = {name: before[name] for name in _NETWORK if name in before}
            self.form.set_values(self.method.parameters.from_values(self.settings().as_dict() | kept))

    def open_image(self, path: Path) -> None:
        """Show an image without b-values as a scan of its own, in the background."""

        def show(volume: Volume) -> None:
            if self.room.may_replace(self):
                self.room.show_scan(Inputs.of_volume(volume).series, ())

        def work(progress: Progress) -> Volume:
            progress.report(0.0, f"reading {path.name}")
            return open_volume(path, check=progress.check)

        self.room.submit(f"Opening {path.name}", work, show)

    def _make_choice(self) -> None:
        self.open_button = QPushButton("Open a stack of slices…")
        self.open_button.setToolTip(
            "An image without b-values, such as a T2 scan; diffusion series are opened in the Scan dock"
        )
        self.open_button.clicked.connect(self._ask_open)
        self.content.addWidget(self.open_button)
        super()._make_choice()
        names = [method.name for method in self.methods]
        self.method_box.setCurrentIndex(names.index(_FIRST))

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open an image without b-values")
        if path:
            self.open_image(Path(path))
