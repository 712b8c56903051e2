"""The Denoise dock: a method, the anatomy it may look at, and the result beside the scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_dwi.gui.method_dock import MethodDock
from napari_dwi.methods.method import Inputs
from napari_dwi.scan import Volume

if TYPE_CHECKING:
    import napari


class DenoiseDock(MethodDock):
    """Denoise the scan on show in the background; the result arrives beside it."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        self._offered: list[tuple[QCheckBox, Volume]] = []
        super().__init__(napari_viewer, "denoise", title="Denoise", icon_name="denoise", verb="Denoise")
        self.room.scan_changed.connect(self._offer_anatomy)
        self.room.anatomy_changed.connect(self._offer_anatomy)
        self._offer_anatomy()

    @property
    def anatomy_checks(self) -> list[QCheckBox]:
        """One box for each anatomical image."""
        return [check for check, _ in self._offered]

    def inputs(self) -> Inputs:
        """The series with the anatomy that is ticked; as `MethodDock.inputs`."""
        chosen = tuple(volume for check, volume in self._offered if check.isChecked())
        return replace(super().inputs(), anatomy=chosen)

    def _offer_anatomy(self) -> None:
        """Offer the anatomy of the scan; maps are no anatomy. What was left out stays so."""
        left_out = [volume for check, volume in self._offered if not check.isChecked()]
        for check in self.anatomy_checks:
            self._anatomy_layout.removeWidget(check)
            check.hide()
            check.deleteLater()
        self._offered = []
        for volume in self.room.anatomy:
            if volume.kind != "anatomy":
                continue
            check = QCheckBox(volume.name)
            check.setChecked(all(volume is not other for other in left_out))
            check.setToolTip("; ".join(volume.notes))
            self._anatomy_layout.addWidget(check)
            self._offered.append((check, volume))

    def _make_where(self) -> None:
        place = QWidget()
        self._anatomy_layout = QVBoxLayout(place)
        self._anatomy_layout.setContentsMargins(0, 0, 0, 0)
        self.where.addRow("anatomy", place)
        super()._make_where()
