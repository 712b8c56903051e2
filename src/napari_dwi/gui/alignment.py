"""Aligning anatomy to the diffusion series: find the motion, look at before and after, keep or undo."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QGroupBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.messages import tell_error
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import DwiSeries, Volume, open_volume
from napari_dwi.scan.allowances import allowances_of
from napari_dwi.scan.anatomy import anatomy_on
from napari_dwi.scan.registration import ALIGNED

if TYPE_CHECKING:
    from napari.layers import Image
    from qtpy.QtWidgets import QWidget

    from napari_dwi.gui.jobs import Job
    from napari_dwi.gui.room import ReadingRoom

_FLICKER_MS = 500
# So that the series shows through the anatomy while the two are compared.
_COMPARING_OPACITY = 0.6


@dataclass(frozen=True, eq=False)
class _Aligned:
    """An image on the grid of the series, before and after its alignment."""

    before: Volume
    after: Volume
    layer: Image
    opacity: float
    was_visible: bool


class AlignmentBox(QGroupBox):
    """Aligns an anatomical image of a room to its series.

    Parameters
    ----------
    room : ReadingRoom
        Whose anatomy it is.
    parent : QWidget, optional
        What it is part of.
    """

    def __init__(self, room: ReadingRoom, parent: QWidget | None = None) -> None:
        super().__init__("Align anatomy to the DWI", parent)
        self._room = room
        self._aligned: _Aligned | None = None
        self._job: Job | None = None
        self.image_box = QComboBox()
        self.align_button = QPushButton("Align")
        self.align_button.setToolTip(
            "Find the rotation and shift (mm) that bring the anatomy over the series;\n"
            "off unless asked for, and the anatomy is interpolated once, as without it"
        )
        self.align_button.clicked.connect(self.align)
        self.result = QLabel()
        self.result.setWordWrap(True)
        self.flicker_button = QPushButton("Flicker before/after")
        self.flicker_button.setToolTip(
            "Show the anatomy before and after its alignment in turns, over the DWI"
        )
        self.flicker_button.setCheckable(True)
        self.flicker_button.toggled.connect(self._on_flicker)
        self.keep_button = QPushButton("Keep")
        self.keep_button.setToolTip("Go on with the aligned anatomy")
        self.keep_button.clicked.connect(self.keep)
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip("Go back to where the scanner put the anatomy")
        self.undo_button.clicked.connect(self.undo)
        first, second, column = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        first.addWidget(self.image_box, 1)
        first.addWidget(self.align_button)
        for button in (self.flicker_button, self.keep_button, self.undo_button):
            second.addWidget(button)
        column.addLayout(first)
        column.addWidget(self.result)
        column.addLayout(second)
        self._timer = QTimer(self)
        self._timer.setInterval(_FLICKER_MS)
        self._timer.timeout.connect(self._alternate)
        self._shows_after = True
        room.queue.changed.connect(self._update_button)
        room.scan_changed.connect(self._on_scan)
        room.anatomy_changed.connect(self._list_anatomy)
        self._on_scan()

    def align(self) -> None:
        """Align the chosen image, in the background."""
        room, index = self._room, self.image_box.currentIndex()
        if room.series is None or not 0 <= index < len(room.anatomy):
            return
        self.keep()
        volume, series = room.anatomy[index], room.series
        self._job = room.submit(
            f"Aligning {volume.name}",
            partial(_align, volume, room.acquired or series),
            partial(self._on_found, volume, series),
            self._on_failed,
        )
        self._update_button()

    def keep(self) -> None:
        """End the comparison with the aligned image."""
        self._end(keep=True)

    def undo(self) -> None:
        """End the comparison with the image as it lay."""
        self._end(keep=False)

    def _on_found(self, before: Volume, series: DwiSeries, after: Volume) -> None:
        shown = next((shown for shown in self._room.shown if shown.image is before), None)
        # Another scan may have come meanwhile, or the user may have removed the image.
        if shown is None or series is not self._room.series:
            return
        layer = shown.layer
        self._aligned = _Aligned(before, after, layer, layer.opacity, layer.visible)
        self._room.replace_anatomy(before, after)
        self._shows_after = True
        layer.opacity, layer.visible = _COMPARING_OPACITY, True
        said = [note for note in after.notes if note.startswith(ALIGNED)]
        self.result.setText(f"{after.name}: {said[-1]}")
        self._set_comparing(True)

    def _on_failed(self, error: DwiError) -> None:
        self.result.setText(str(error))
        tell_error(error)

    def _end(self, *, keep: bool) -> None:
        done, self._aligned = self._aligned, None
        if done is None:
            return
        self.flicker_button.setChecked(False)
        self._set_comparing(False)
        if keep:
            self._show(done, after=True)
        else:
            self._room.replace_anatomy(done.after, done.before)
            self.result.setText(f"{done.before.name} lies where the scanner put it")
        done.layer.opacity, done.layer.visible = done.opacity, done.was_visible

    def _on_flicker(self, on: bool) -> None:
        if on:
            self._timer.start()
            self._alternate()
        else:
            self._timer.stop()
            if self._aligned is not None:
                self._show(self._aligned, after=True)

    def _alternate(self) -> None:
        if self._aligned is not None:
            self._show(self._aligned, after=not self._shows_after)

    def _show(self, compared: _Aligned, *, after: bool) -> None:
        view = self._room.view
        if view is not None and compared.layer in self._room.viewer.layers:
            compared.layer.data = view.to_display((compared.after if after else compared.before).data)
        self._shows_after = after

    def _on_scan(self) -> None:
        self._aligned = None
        self.flicker_button.setChecked(False)
        self.result.clear()
        self._set_comparing(False)
        self._list_anatomy()

    def _list_anatomy(self) -> None:
        images = self._room.anatomy
        index = self.image_box.currentIndex()
        self.image_box.clear()
        self.image_box.addItems([volume.name for volume in images])
        self.image_box.setCurrentIndex(min(max(index, 0), len(images) - 1))
        self.setVisible(bool(images))
        self._update_button()

    def _update_button(self) -> None:
        idle = self._job is None or self._job.is_over
        self.align_button.setEnabled(idle and bool(self._room.anatomy))

    def _set_comparing(self, on: bool) -> None:
        for button in (self.flicker_button, self.keep_button, self.undo_button):
            button.setVisible(on)


def _align(volume: Volume, series: DwiSeries, progress: Progress) -> Volume:
    """The aligned image on the grid of the series; from its file, to be interpolated once."""
    source = volume.source
    if source is None:
        raise BadInputError(
            f"{volume.name} has no file of its own that could be aligned",
            remedy="Save it, and load it from the file.",
        )
    progress.report(0.0, f"reading {volume.name}")
    read = open_volume(source.path, allow=allowances_of(source.allowed), check=progress.check)
    if read.source is None or read.source.sha256 != source.sha256:
        raise BadInputError(
            "the file has changed since it was loaded", file=source.path, remedy="Load it again."
        )
    named = replace(read, name=volume.name, kind=volume.kind)
    return anatomy_on(series, named, align=True, report=progress.report)
