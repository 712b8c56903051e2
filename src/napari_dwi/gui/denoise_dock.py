"""The Denoise dock: a method, the anatomy it may look at, and the result beside the scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_dwi.gui.method_dock import MethodDock
from napari_dwi.methods.method import Inputs

if TYPE_CHECKING:
    import napari


class DenoiseDock(MethodDock):
    """Denoise the scan on show in the background; the result arrives beside it."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        self.anatomy_checks: list[QCheckBox] = []
        super().__init__(napari_viewer, "denoise", title="Denoise", icon_name="denoise", verb="Denoise")

    def inputs(self) -> Inputs:
        """The series with the anatomy that is ticked; as `MethodDock.inputs`."""
        chosen = zip(self.anatomy_checks, self.room.anatomy, strict=True)
        return replace(
            super().inputs(), anatomy=tuple(volume for check, volume in chosen if check.isChecked())
        )

    def on_scan(self) -> None:
        """Offer the anatomy of another scan."""
        for check in self.anatomy_checks:
            self._anatomy_layout.removeWidget(check)
            check.deleteLater()
        self.anatomy_checks = []
        for volume in self.room.anatomy:
            check = QCheckBox(volume.name)
            check.setChecked(True)
            check.setToolTip("; ".join(volume.notes))
            self._anatomy_layout.addWidget(check)
            self.anatomy_checks.append(check)
        super().on_scan()

    def _make_where(self) -> None:
        place = QWidget()
        self._anatomy_layout = QVBoxLayout(place)
        self._anatomy_layout.setContentsMargins(0, 0, 0, 0)
        self.where.addRow("anatomy", place)
        super()._make_where()
