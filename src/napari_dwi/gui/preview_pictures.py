"""What the network made of a few validation slices, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_dwi.gui.fitted_picture import FittedPicture

if TYPE_CHECKING:
    from napari_dwi.superres.training.previews import Preview

_COLUMNS = ("input (zero-filled)", "output", "target")


class PreviewPictures(QWidget):
    """The pictures of a run, of which a slider picks the epoch; while it stands last it follows new ones."""

    def __init__(self) -> None:
        super().__init__()
        heads = QHBoxLayout()
        for word in _COLUMNS:
            head = QLabel(word)
            head.setAlignment(Qt.AlignmentFlag.AlignCenter)
            heads.addWidget(head, 1)
        self.picture = FittedPicture()
        self.picture.setToolTip(
            "Slices of validation, which training never sees: as the network gets them, what it makes of "
            "them, and the scan of high resolution; all on one scale, white is the brightest tissue"
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("After which epoch")
        self.slider.valueChanged.connect(self._show)
        self.epoch = QLabel()
        below = QHBoxLayout()
        below.addWidget(self.epoch)
        below.addWidget(self.slider, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(heads)
        layout.addWidget(self.picture)
        layout.addLayout(below)
        self._previews: tuple[Preview, ...] = ()
        self.hide()

    def show_previews(self, previews: Sequence[Preview]) -> None:
        """Show the pictures of a run, the last one unless another epoch has been picked."""
        if tuple(previews) == self._previews:
            return
        follow = self.slider.value() >= len(self._previews) - 1 or not previews
        self._previews = tuple(previews)
        self.setVisible(bool(previews))
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(previews) - 1))
        if follow:
            self.slider.setValue(len(previews) - 1)
        self.slider.blockSignals(False)
        self._show()

    def _show(self) -> None:
        if not self._previews:
            self.picture.show_file(None)
            return
        preview = self._previews[min(self.slider.value(), len(self._previews) - 1)]
        self.epoch.setText(f"epoch {preview.epoch}")
        self.picture.show_file(preview.path)
