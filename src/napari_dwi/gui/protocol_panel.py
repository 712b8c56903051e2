"""What the b-values of a scan can resolve: a table to plan the next protocol by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_dwi.physics.organs import ORGANS
from napari_dwi.physics.signal_models import ADC, SignalModel
from napari_dwi.scan import format_b_value
from napari_dwi.text import brief

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_COLUMNS = ("parameter", "typical", "± SD", "SD / value", "one more volume at b")
_TOOLTIPS = (
    "",
    "Typical value in the tissue picked; type another",
    "Lowest standard deviation of an unbiased estimate from one voxel (Cramér-Rao bound, Rician noise)",
    "Above 100 % a single voxel says nothing about this parameter",
    "Where one more volume would help this parameter most, and by how much its SD would fall",
)
_VALUE = 1
_DEFAULT_SNR = 30.0


class ProtocolPanel(QWidget):
    """Lowest standard deviations for a model, b-values, tissue and SNR; updated as they change."""

    def __init__(self) -> None:
        super().__init__()
        self._model: SignalModel = ADC
        self._b_values = np.empty(0)
        self.organ_box = QComboBox()
        self.organ_box.addItems([organ.name for organ in ORGANS])
        self.organ_box.setToolTip("Typical parameters of this tissue")
        self.snr_box = QDoubleSpinBox()
        self.snr_box.setRange(1, 10_000)
        self.snr_box.setDecimals(1)
        self.snr_box.setValue(_DEFAULT_SNR)
        self.snr_box.setToolTip("Signal at b = 0 over the noise level of a single volume")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        for column, text in enumerate(_TOOLTIPS):
            self.table.horizontalHeaderItem(column).setToolTip(text)
        self.table.verticalHeader().hide()
        self.table.setStyleSheet("font-size: 8pt")
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.AllEditTriggers)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        form = QFormLayout()
        form.addRow("tissue", self.organ_box)
        form.addRow("SNR", self.snr_box)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addWidget(self.table)
        self.organ_box.currentIndexChanged.connect(self._fill)
        self.snr_box.valueChanged.connect(self._compute)
        self.table.itemChanged.connect(self._on_typed)

    def show_protocol(self, model: SignalModel, b_values: ArrayLike) -> None:
        """Plan for a model and the b-values (s/mm2) of all volumes."""
        self._model, self._b_values = model, np.asarray(b_values, dtype=np.float64)
        self._fill()

    def _fill(self) -> None:
        """Put the typical values of the tissue into the table."""
        values = ORGANS[self.organ_box.currentIndex()].values(self._model)
        self.table.blockSignals(True)
        self.table.setRowCount(len(self._model.shape))
        for row, parameter in enumerate(self._model.shape):
            unit = f" ({parameter.screen_unit})" if parameter.screen_unit else ""
            texts = (f"{parameter.symbol}{unit}", brief(values[row] * parameter.screen_factor), "", "", "")
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column != _VALUE:
                    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.table.setItem(row, column, item)
        self.table.blockSignals(False)
        self.table.setFixedHeight(self.table.horizontalHeader().height() + 30 * self.table.rowCount() + 18)
        self._compute()

    def _on_typed(self, item: QTableWidgetItem) -> None:
        if item.column() == _VALUE:
            self._compute()

    def _compute(self) -> None:
        # Loaded with the first scan: nothing that opens a dock should have to wait for it.
        from napari_dwi.measure.protocol import protocol_limits

        if not self._b_values.size:
            return
        shape = self._model.shape
        try:
            typed = [
                float(self.table.item(row, _VALUE).text().replace(",", ".")) for row in range(len(shape))
            ]
        except ValueError:
            return
        values = [value / parameter.screen_factor for value, parameter in zip(typed, shape, strict=True)]
        limits = protocol_limits(self._model, self._b_values, [*values, 1.0], self.snr_box.value())
        self.table.blockSignals(True)
        for row, parameter in enumerate(shape):
            sd = float(limits.sd[row])
            known = np.isfinite(sd)
            best = limits.best_addition(parameter.name)
            texts = (
                brief(sd * parameter.screen_factor) if known else "cannot be told",
                f"{100 * sd / abs(values[row]):.0f} %" if known and values[row] else "",
                "" if best is None else _advice(*best),
            )
            for column, text in enumerate(texts, start=_VALUE + 1):
                self.table.item(row, column).setText(text)
        self.table.blockSignals(False)


def _advice(b_value: float, ratio: float) -> str:
    """Where one more volume helps most, in words."""
    gain = "makes it known" if ratio == 0 else f"-{100 * (1 - ratio):.0f} %"
    return f"{format_b_value(b_value)}: {gain}"
