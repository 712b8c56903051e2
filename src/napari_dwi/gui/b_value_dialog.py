"""The dialog that asks which b-value each volume has."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_dwi.errors import BadInputError
from napari_dwi.gui.b_value_checks import counts_of, doubt_about, previews_of, why_not
from napari_dwi.gui.b_value_table import BValueTable
from napari_dwi.gui.questions import ask_allowance
from napari_dwi.scan import BValues, DwiSeries
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_value_text import read_b_values
from napari_dwi.scan.b_values import TYPED
from napari_dwi.scan.unlabelled import UnlabelledSeries

_SIZE = (460, 620)
_S_PER_MS_UM2 = 1000.0


class BValueDialog(QDialog):
    """One row a volume; it can be accepted once every volume has its b-value.

    Parameters
    ----------
    parent : QWidget or None
        The window it belongs to.
    series : UnlabelledSeries
        The volumes, with the b-values that are known.
    why : str
        Why the user is asked.
    """

    def __init__(self, parent: QWidget | None, series: UnlabelledSeries, why: str) -> None:
        super().__init__(parent)
        self._series = series
        self._previews = previews_of(series)
        self._from_file: tuple[list[float | None], str] | None = None
        self.setWindowTitle(f"b-values of {series.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*_SIZE)
        layout = QVBoxLayout(self)
        reason = QLabel(f"{why[:1].upper()}{why[1:]}. Nothing is fitted or denoised before all are given.")
        reason.setTextFormat(Qt.TextFormat.PlainText)
        reason.setWordWrap(True)
        layout.addWidget(reason)
        self.table = BValueTable(self._previews, series.b_values)
        layout.addWidget(self.table, 1)
        layout.addLayout(self._tools())
        self.counts = _note()
        self.problem = _note("color: #ffb74d; font-weight: bold")
        self.hint = _note("color: #ffb74d")
        for note in (self.counts, self.problem, self.hint):
            layout.addWidget(note)
        kinds = QDialogButtonBox.StandardButton
        buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        self.ok_button = cast(QPushButton, buttons.button(kinds.Ok))
        self.ok_button.setText("Use these b-values")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        self.table.edited.connect(self._update)
        self._update()

    def series(self) -> DwiSeries:
        """The volumes with the b-values as they stand in the table.

        Raises
        ------
        BadInputError
            If not all are given.
        """
        values = self.table.values()
        if any(value is None for value in values):
            raise BadInputError(why_not(values))
        origin = TYPED
        if self._from_file is not None and self._from_file[0] == values:
            origin = f"{TYPED}, from {self._from_file[1]}"
        return self._series.with_b_values([value for value in values if value is not None], origin)

    def load_file(self, file: Path, allow: tuple[Allowance, ...] = ()) -> None:
        """Put in the b-values of a text file; what is wrong with it is said below the table."""
        try:
            read: BValues = read_b_values(file, self.table.rowCount(), allow)
        except BadInputError as err:
            if err.offers:
                ask_allowance(self, err, lambda more: self.load_file(file, (*allow, more)), self._update)
            else:
                self.problem.setText(str(err))
            return
        self.table.set_values(read.values.tolist())
        self._from_file = self.table.values(), read.origin

    def _tools(self) -> QGridLayout:
        tools = QGridLayout()
        texts = {
            "Paste list": (
                "From the clipboard; blanks, commas or line breaks between the values",
                self._paste,
            ),
            "Load from file…": ("A .bval or text file with one value per volume", self._ask_file),
            "Fill down": ("The current value for the rows selected, or for the empty ones below", self._fill),
            "b in ms/µm² → ×1000": ("Multiply all values by 1000, to have them in s/mm²", self._multiply),
        }
        for n, (text, (help_text, action)) in enumerate(texts.items()):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.setToolTip(help_text)
            button.clicked.connect(action)
            tools.addWidget(button, n // 2, n % 2)
        return tools

    def _paste(self) -> None:
        if problem := self.table.paste_clipboard():
            self.problem.setText(problem)

    def _ask_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(
            self, "b-values", "", "b-values (*.bval *.bvals *.txt);;All files (*)"
        )
        if file:
            self.load_file(Path(file))

    def _fill(self) -> None:
        self.table.fill_down()

    def _multiply(self) -> None:
        self.table.multiply(_S_PER_MS_UM2)

    def _update(self) -> None:
        values = self.table.values()
        problem = why_not(values)
        counts = counts_of(values)
        self.counts.setText(f"b (volumes): {counts} s/mm²" if counts else "")
        self.problem.setText(problem)
        self.hint.setText(doubt_about(values, self._previews.means))
        self.ok_button.setEnabled(not problem)
        self.ok_button.setToolTip(problem)


def _note(style: str = "") -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setStyleSheet(style)
    return label
