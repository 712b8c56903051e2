"""A form for the parameters of any method, made from their declaration."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from psygnal import Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)
from superqt import QCollapsible

from napari_dwi.methods.parameters import Parameter, Parameters
from napari_dwi.scan import format_b_value

_MOST_ZEROS = 5
_LARGEST_SPIN = 2_147_483_647


class ParameterForm(QWidget):
    """One field for each parameter; those marked advanced fold away.

    Parameters
    ----------
    parameters : Parameters
        The values to begin with; their class says which fields there are.
    b_values : tuple of float
        The b-values (s/mm2) that can be chosen.
    hidden : collection of str
        Names of parameters that are settled elsewhere and have no field.
    """

    def __init__(
        self, parameters: Parameters, b_values: tuple[float, ...], hidden: Collection[str] = ()
    ) -> None:
        super().__init__()
        self._kind = type(parameters)
        self._fields: dict[str, _Field] = {}
        self._hidden = {name: getattr(parameters, name) for name in hidden}
        plain = QFormLayout(self)
        plain.setContentsMargins(0, 0, 0, 0)
        folded = QWidget()
        advanced = QFormLayout(folded)
        advanced.setContentsMargins(0, 0, 0, 0)
        for parameter in self._kind.declared():
            if parameter.name in self._hidden:
                continue
            field = _field_for(parameter, b_values)
            field.widget.setToolTip(_tooltip(parameter))
            self._fields[parameter.name] = field
            (advanced if parameter.advanced else plain).addRow(parameter.label, field.widget)
        if advanced.rowCount():
            more = QCollapsible("More settings")
            more.setContent(folded)
            more.collapse(animate=False)
            plain.addRow(more)
        self.set_values(parameters)

    def values(self) -> Parameters:
        """What the form says.

        Raises
        ------
        BadInputError
            If the values do not go together.
        """
        shown = {name: field.value() for name, field in self._fields.items()}
        return self._kind.from_values(self._hidden | shown)

    def set_values(self, parameters: Parameters) -> None:
        """Show other values; those that are hidden stay as they are."""
        for name, field in self._fields.items():
            field.set_value(getattr(parameters, name))


class BValuePicker(QWidget):
    """A button for each b-value, pressed where it is used; with none pressed all are."""

    changed = Signal()

    def __init__(self, b_values: tuple[float, ...]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._buttons: dict[float, QPushButton] = {}
        for b_value in b_values:
            button = QPushButton(format_b_value(b_value))
            button.setCheckable(True)
            button.setMinimumWidth(1)
            layout.addWidget(button)
            self._buttons[b_value] = button

    def value(self) -> tuple[float, ...]:
        """The b-values pressed, s/mm2; none where all are."""
        pressed = tuple(b_value for b_value, button in self._buttons.items() if button.isChecked())
        return pressed if len(pressed) < len(self._buttons) else ()

    def set_value(self, b_values: tuple[float, ...]) -> None:
        """Press these; all of them if there are none."""
        for b_value, button in self._buttons.items():
            button.setChecked(not b_values or b_value in b_values)


class FilePicker(QWidget):
    """The path of a file, typed or chosen; empty for none."""

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.line = QLineEdit()
        self.line.setMinimumWidth(1)
        self.button = QPushButton("…")
        self.button.setToolTip("Choose the file")
        self.button.clicked.connect(self._ask)
        layout.addWidget(self.line)
        layout.addWidget(self.button)

    def value(self) -> str:
        """The path; empty for none."""
        return self.line.text().strip()

    def set_value(self, path: str) -> None:
        """Show another path."""
        self.line.setText(path)

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a file", self.value())
        if path:
            self.set_value(path)


class _Field:
    """A widget with one way to read and to set it."""

    def __init__(self, widget: QWidget, value: Any, set_value: Any) -> None:
        self.widget = widget
        self.value = value
        self.set_value = set_value


class _SmallNumber(QDoubleSpinBox):
    """Shows no zeros at the end, where there would be many."""

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        exact: str = super().textFromValue(value)
        return exact.rstrip("0").rstrip(self.locale().decimalPoint())


def _field_for(parameter: Parameter, b_values: tuple[float, ...]) -> _Field:
    if parameter.kind == "b_values":
        picker = BValuePicker(b_values)
        return _Field(picker, picker.value, picker.set_value)
    if parameter.kind == "choice":
        combo = QComboBox()
        combo.addItems(parameter.choices)
        narrow(combo)
        return _Field(combo, combo.currentText, combo.setCurrentText)
    if parameter.kind == "wholes":
        line = QLineEdit()
        line.setMinimumWidth(1)
        return _Field(
            line, lambda: parameter.parsed(line.text()), lambda wholes: line.setText(_listed(wholes))
        )
    if parameter.kind == "file":
        file = FilePicker()
        return _Field(file, file.value, file.set_value)
    if parameter.kind == "flag":
        check = QCheckBox()
        return _Field(check, check.isChecked, check.setChecked)
    low = 0.0 if parameter.low is None else parameter.low
    high = _LARGEST_SPIN if parameter.high is None else parameter.high
    spin: QSpinBox | QDoubleSpinBox
    if parameter.kind == "whole":
        spin = QSpinBox()
        spin.setRange(int(low), min(int(high), _LARGEST_SPIN))
    else:
        decimals = _decimals(parameter)
        spin = _SmallNumber() if decimals > _MOST_ZEROS else QDoubleSpinBox()
        spin.setDecimals(decimals)
        spin.setRange(low, high)
    spin.setSpecialValueText(parameter.zero if low == 0 else "")
    spin.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
    return _Field(spin, spin.value, spin.setValue)


def _listed(wholes: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in wholes)


def narrow(combo: QComboBox) -> None:
    """Let a dock be narrower than the longest entry."""
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)


def _decimals(parameter: Parameter) -> int:
    """Enough to show default and bounds as they are, and the smallest value that matters with two digits."""
    smallest = parameter.low or parameter.default or 1.0
    known = (parameter.default, parameter.low or 0.0, parameter.high or 0.0)
    exact = max(len(f"{float(value):.10f}".rstrip("0").partition(".")[2]) for value in known)
    return max(2, exact, 1 - math.floor(math.log10(abs(smallest))))


def _tooltip(parameter: Parameter) -> str:
    return f"<p>{parameter.help}</p><p>{parameter.expected()} {parameter.unit}</p>"
