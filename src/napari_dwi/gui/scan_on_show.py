"""The part of the Scan dock that tells what is on show, and lets it be shown differently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_dwi.gui.alignment import AlignmentBox
from napari_dwi.gui.form import narrow
from napari_dwi.gui.scan_changes import change_series, may_change_volumes
from napari_dwi.gui.volume_choice import VOLUME_CHOICES, VolumeChoice
from napari_dwi.scan import DwiSeries, Volume

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom

_BADGE_STYLE = "background: #b3261e; color: white; font-weight: bold; padding: 4px"
_BADGE = "ORIENTATION UNKNOWN: left and right cannot be told in this file"


class ScanOnShow(QWidget):
    """What the scan is, how its volumes were made, and the anatomy with it.

    Parameters
    ----------
    room : ReadingRoom
        Where the scan is on show.
    """

    b_values_wanted = Signal()
    anatomy_wanted = Signal()

    def __init__(self, room: ReadingRoom) -> None:
        super().__init__()
        self._room = room
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.badge = QLabel(_BADGE)
        self.badge.setWordWrap(True)
        self.badge.setStyleSheet(_BADGE_STYLE)
        layout.addWidget(self.badge)
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(self.facts)
        form = QFormLayout()
        self.volume_box = QComboBox()
        narrow(self.volume_box)
        self.volume_box.activated.connect(self._on_choice)
        form.addRow("volumes", self.volume_box)
        self.neurological = QCheckBox("neurological (left is left)")
        self.neurological.setToolTip(
            "The patient's left is on the left of the screen; else it is on the right (radiological)"
        )
        self.neurological.clicked.connect(self._on_neurological)
        form.addRow("display", self.neurological)
        layout.addLayout(form)
        self._anatomy = QVBoxLayout()
        layout.addLayout(self._anatomy)
        self.b_button = QPushButton("Edit b-values…")
        self.b_button.setToolTip("See every volume with its b-value (s/mm²), and change what is wrong")
        self.b_button.clicked.connect(self.b_values_wanted.emit)
        self.anatomy_button = QPushButton("Add anatomy…")
        self.anatomy_button.setToolTip(
            "Another image of the patient; it is brought onto the grid of the series"
        )
        self.anatomy_button.clicked.connect(self.anatomy_wanted.emit)
        buttons = QHBoxLayout()
        buttons.addWidget(self.b_button)
        buttons.addWidget(self.anatomy_button)
        layout.addLayout(buttons)
        layout.addWidget(AlignmentBox(room, self))
        room.scan_changed.connect(self._update)
        room.anatomy_changed.connect(self._update)
        room.convention_changed.connect(self._on_convention)
        self._update()
        self._on_convention()

    def pick(self, choice: VolumeChoice) -> None:
        """Show the scan on show with other volumes, after asking if results would be closed."""
        acquired = self._room.acquired
        if acquired is None or choice is self._room.choice or not may_change_volumes(self._room, self):
            self._update()
            return
        change_series(self._room, acquired, choice)

    def _update(self) -> None:
        series = self._room.series
        self.setVisible(series is not None)
        if series is None:
            return
        self.badge.setVisible(not series.grid.orientation_known)
        self.facts.setText("\n".join(_facts(series)))
        self._fill_choices()
        self._fill_anatomy()

    def _fill_choices(self) -> None:
        acquired = self._room.acquired
        self.volume_box.clear()
        if acquired is None:
            return
        for choice in VOLUME_CHOICES:
            if choice.suits(acquired):
                self.volume_box.addItem(choice.title, choice)
                last = self.volume_box.count() - 1
                self.volume_box.setItemData(last, f"<p>{choice.help}</p>", Qt.ItemDataRole.ToolTipRole)
        now = self.volume_box.findText(self._room.choice.title)
        self.volume_box.setCurrentIndex(max(0, now))
        self.volume_box.setToolTip(f"<p>{self._room.choice.help}</p>")
        only_one = self.volume_box.count() < 2
        self.volume_box.setEnabled(not only_one)
        if only_one:
            self.volume_box.setToolTip("Every b-value was measured once: there is nothing to average")

    def _fill_anatomy(self) -> None:
        while (item := self._anatomy.takeAt(0)) is not None:
            if (row := item.widget()) is not None:
                row.hide()
                row.deleteLater()
        for volume in self._room.anatomy:
            self._anatomy.addWidget(_AnatomyRow(self._room, volume))

    def _on_choice(self, index: int) -> None:
        self.pick(self.volume_box.itemData(index))

    def _on_neurological(self, wanted: bool) -> None:
        self._room.set_convention("neurological" if wanted else "radiological")

    def _on_convention(self) -> None:
        self.neurological.setChecked(self._room.convention == "neurological")


class _AnatomyRow(QWidget):
    """An image beside the series, with a button that takes it away."""

    def __init__(self, room: ReadingRoom, volume: Volume) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        kind = "map, in its own unit" if volume.kind == "map" and not volume.unit else volume.kind
        text = QLabel("; ".join((f"{volume.name} ({volume.unit or kind})", *volume.notes)))
        text.setWordWrap(True)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        remove = QToolButton()
        remove.setText("×")
        remove.setToolTip(f"Remove {volume.name} from the scan; its file stays")
        remove.clicked.connect(lambda: room.remove_anatomy(volume))
        layout.addWidget(text, 1)
        layout.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)


def _facts(series: DwiSeries) -> list[str]:
    x, y, z = series.grid.shape
    spacing = " × ".join(f"{mm:.3g}" for mm in series.grid.spacing_mm)
    return [
        f"{series.name}: {x} × {y} × {z}, {len(series.b_values)} volumes, {spacing} mm",
        f"b = {series.b_values} s/mm² ({series.b_values.origin})",
        *series.notes,
    ]
