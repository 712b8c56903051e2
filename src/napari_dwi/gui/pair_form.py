"""What a new pair consists of: two scans, and whose they are."""

from __future__ import annotations

from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QFormLayout, QLineEdit, QPushButton, QWidget
from superqt import QCollapsible

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.messages import tell_error
from napari_dwi.gui.path_line import PathLine
from napari_dwi.superres.pairs.request import Crop, PairRequest, parse_b_value, parse_crop, parse_slices

_PLANES = ("axial", "coronal", "sagittal")
_SCAN = "NIfTI or another image, a Bruker folder, a DICOM folder (folder#5 for its series 5)"


class PairForm(QWidget):
    """Asks for pairs: ``asked`` gives a `PairRequest`, ``listed`` the path of a table of several."""

    asked = Signal(object)
    listed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.low = PathLine(f"The quick scan of low resolution: {_SCAN}", ("file", "folder"))
        self.high = PathLine(
            f"The scan of the same slices with 2, 3 or 4 times the resolution, or with less noise: {_SCAN}",
            ("file", "folder"),
        )
        self.subject = _line(
            "A word that stands for one person or animal, never a name. All pairs of a subject serve the "
            "same purpose: training, validation or test"
        )
        self.plane = QComboBox()
        self.plane.setEditable(True)
        self.plane.addItems(["", *_PLANES])
        self.plane.setToolTip("How the slices lie; if left empty, as the file says")
        self.name = _line("Name of the pair in the store; if left empty, made of subject and plane")
        self.left_out = _line("Slices that nothing is learnt from, counted from 0, as in 0, 1, 17")
        self.crop = _line(
            "The part of each slice that is kept, in voxels of low resolution along both of its axes, as "
            "in 10:140, 20:"
        )
        self.b_value = _line(
            "Of diffusion series: the b-value in s/mm² that is learnt from; its volumes are averaged"
        )
        self.button = QPushButton("Add the pair")
        self.button.setToolTip(
            "In the background: reads both, looks for a displacement between them and takes it back, "
            "estimates the noise"
        )
        self.button.clicked.connect(self._on_button)
        self.table_button = QPushButton("Add a table of pairs…")
        self.table_button.setToolTip(
            "Text with tabs between the columns subject, low and high, perhaps plane, name, exclude, crop "
            "and b (s/mm²); their names in the first line. Pairs that are there already stay as they are"
        )
        self.table_button.clicked.connect(self._ask_table)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("low resolution", self.low)
        form.addRow("high resolution", self.high)
        form.addRow("subject", self.subject)
        form.addRow("plane", self.plane)
        form.addRow(self._more())
        form.addRow(self.button)
        form.addRow(self.table_button)
        for signal in (self.low.changed, self.high.changed, self.subject.textChanged):
            signal.connect(self._on_changed)
        self._on_changed()

    def request(self) -> PairRequest:
        """What is asked for.

        Raises
        ------
        BadInputError
            If something is missing or cannot be read.
        """
        subject = self.subject.text().strip()
        crop = self.crop.text().strip()
        return PairRequest(
            _path(self.low),
            _path(self.high),
            subject,
            self.plane.currentText().strip(),
            self.name.text().strip(),
            parse_slices(self.left_out.text()),
            parse_crop(crop) if crop else Crop(),
            parse_b_value(self.b_value.text()),
        )

    def _more(self) -> QCollapsible:
        folded = QWidget()
        form = QFormLayout(folded)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("name", self.name)
        form.addRow("leave out slices", self.left_out)
        form.addRow("crop (voxels)", self.crop)
        form.addRow("b-value (s/mm²)", self.b_value)
        more = QCollapsible("More settings")
        more.setContent(folded)
        more.collapse(animate=False)
        return more

    def _on_changed(self, *_: object) -> None:
        complete = self.low.path is not None and self.high.path is not None
        self.button.setEnabled(complete and bool(self.subject.text().strip()))

    def _on_button(self) -> None:
        try:
            request = self.request()
        except DwiError as err:
            tell_error(err)
            return
        self.asked.emit(request)

    def _ask_table(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "A table of pairs", filter="Tables (*.tsv *.txt);;All files (*)"
        )
        if path:
            self.listed.emit(Path(path))


def _line(help: str) -> QLineEdit:
    line = QLineEdit()
    line.setMinimumWidth(1)
    line.setToolTip(help)
    return line


def _path(line: PathLine) -> Path:
    if line.path is None:
        raise BadInputError("a pair has two scans", remedy="Name both.")
    return line.path
