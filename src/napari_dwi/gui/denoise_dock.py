"""The Denoise dock: pick a method, try it on a slice, run it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.dock import Dock
from napari_dwi.gui.form import ParameterForm, narrow
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.method import Inputs, Method
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import methods_of
from napari_dwi.methods.running import Result, run_method, save_result
from napari_dwi.scan import DwiSeries, Volume
from napari_dwi.text import duration

if TYPE_CHECKING:
    import napari

_RECOMMENDED = "recommended"
_LARGEST_SEED = 2**31 - 1


class DenoiseDock(Dock):
    """Denoise the scan on show in the background; the result arrives beside it."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer, "Denoise", "denoise")
        self._methods = methods_of("denoise")
        self.method_box = QComboBox()
        for method in self._methods:
            self.method_box.addItem(method.title)
        narrow(self.method_box)
        self.preset_box = QComboBox()
        self.preset_box.setToolTip("Named settings of this method")
        self._summary = QLabel()
        self._summary.setWordWrap(True)
        top = QFormLayout()
        top.addRow("method", self.method_box)
        top.addRow("settings", self.preset_box)
        self.content.addLayout(top)
        self.content.addWidget(self._summary)

        self._form_place = QVBoxLayout()
        self.content.addLayout(self._form_place)
        self.form: ParameterForm | None = None

        self._anatomy_place = QWidget()
        self._anatomy_layout = QVBoxLayout(self._anatomy_place)
        self._anatomy_layout.setContentsMargins(0, 0, 0, 0)
        self.anatomy_checks: list[QCheckBox] = []
        where = QFormLayout()
        where.addRow("anatomy", self._anatomy_place)
        self.device_box = QComboBox()
        self.device_box.addItems(DEVICES)
        self.device_box.setToolTip("auto takes the graphics card if there is one")
        self.seed_box = QSpinBox()
        self.seed_box.setRange(0, _LARGEST_SEED)
        self.seed_box.setToolTip("The same seed on the same device gives the same result")
        where.addRow("compute on", self.device_box)
        where.addRow("seed", self.seed_box)
        self.content.addLayout(where)

        self.preview_button = QPushButton("Try on this slice")
        self.preview_button.setToolTip("Denoise only the slice and the b-values on show, in seconds")
        self.run_button = QPushButton("Denoise")
        self.run_button.setStyleSheet("font-weight: bold")
        self.run_button.setToolTip("Denoise the whole series in the background")
        buttons = QHBoxLayout()
        buttons.addWidget(self.preview_button)
        buttons.addWidget(self.run_button)
        self.content.addLayout(buttons)
        self.job_rows = JobRows(self.room.queue)
        self.content.addWidget(self.job_rows)
        self.report = QLabel()
        self.report.setWordWrap(True)
        self.report.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.content.addWidget(self.report)
        self.side_by_side = QCheckBox("side by side")
        self.side_by_side.setToolTip("Every image in its own pane, with linked zoom")
        self.save_button = QPushButton("Save results…")
        self.save_button.setToolTip("NIfTI files with .bval and a .json that says how they were made")
        bottom = QHBoxLayout()
        bottom.addWidget(self.side_by_side)
        bottom.addWidget(self.save_button)
        self.content.addLayout(bottom)
        self.content.addStretch(1)

        self.method_box.currentIndexChanged.connect(self._on_method)
        self.preset_box.currentTextChanged.connect(self._on_preset)
        self.run_button.clicked.connect(self.run)
        self.preview_button.clicked.connect(self.run_on_slice)
        self.side_by_side.clicked.connect(self.room.set_side_by_side)
        self.save_button.clicked.connect(self._ask_save)
        self.room.scan_changed.connect(self._on_scan)
        self.room.images_changed.connect(self._on_images)
        self._on_method()
        self._on_scan()
        self._on_images()

    @property
    def method(self) -> Method:
        """The method picked."""
        return self._methods[self.method_box.currentIndex()]

    def pick(self, name: str, preset: str | None = None) -> None:
        """Pick a method by its name, and one of its presets."""
        names = [method.name for method in self._methods]
        self.method_box.setCurrentIndex(names.index(name))
        self.preset_box.setCurrentText(preset or _RECOMMENDED)

    def run(self) -> None:
        """Denoise the whole series."""
        if (asked := self._asked()) is None:
            return
        parameters, inputs = asked
        method, device, seed = self.method, self.device_box.currentText(), self.seed_box.value()

        def work(progress: Progress) -> Result:
            return run_method(method, parameters, inputs, seed=seed, device=device, progress=progress)

        series = inputs.series
        self.room.submit(_short(method), work, lambda result: self._show(result, _short(method), series))

    def run_on_slice(self) -> None:
        """Denoise the slice on show, at the b-values of the form."""
        if (asked := self._asked()) is None or self.room.view is None:
            return
        parameters, inputs = asked
        method, device, seed = self.method, self.device_box.currentText(), self.seed_box.value()
        if (slice_on_show := self._slice_on_show()) is None:
            tell_error(BadInputError("no single slice is on show", remedy="Leave the 3-D view first."))
            return
        axis, index = slice_on_show
        slab, position = inputs.slab(axis, index, method.context_slices)

        def work(progress: Progress) -> Result:
            result = run_method(method, parameters, slab, seed=seed, device=device, progress=progress)
            return _spread(result, inputs.series, axis, index, position)

        title, name = f"{_short(method)}, this slice", f"{_short(method)} preview"
        self.room.submit(title, work, lambda result: self._show(result, name, inputs.series))

    def save(self, folder: Path) -> None:
        """Save every result on show into a folder."""
        results = list({id(s.result): s.result for s in self.room.shown if s.result is not None}.values())

        def work(progress: Progress) -> int:
            count = 0
            for step, result in enumerate(results):
                progress.report(step / len(results), f"result {step + 1}/{len(results)}")
                count += len(save_result(result, folder))
            return count

        self.room.submit("Saving", work, lambda count: tell(f"{count} images saved in {folder.name}"))

    def _asked(self) -> tuple[Parameters, Inputs] | None:
        if self.room.series is None or self.form is None:
            return None
        try:
            parameters = self.form.values()
        except DwiError as err:
            tell_error(err)
            return None
        chosen = zip(self.anatomy_checks, self.room.anatomy, strict=True)
        return parameters, Inputs(self.room.series, tuple(v for check, v in chosen if check.isChecked()))

    def _slice_on_show(self) -> tuple[int, int] | None:
        """Voxel axis and index of the slice on the screen; ``None`` in 3-D."""
        dims, view = self.room.viewer.dims, self.room.view
        if view is None:
            raise RuntimeError("no scan is on show")
        first = dims.ndim - 3
        through = [axis - first for axis in dims.not_displayed if axis >= first]
        if len(through) != 1:
            return None
        sliced = through[0]
        position = [0, 0, 0]
        position[sliced] = int(dims.current_step[sliced + first])
        axis = view.voxel_axes[sliced]
        return axis, view.voxel((position[0], position[1], position[2]))[axis]

    def _show(self, result: Result, title: str, series: DwiSeries) -> None:
        if series is not self.room.series:
            tell(f"{title} of {series.name} is not shown: another scan has taken its place")
            return
        self.room.show_result(result, title)
        record = result.record
        lines = [f"{title}: {duration(record.seconds)} on {record.device}"]
        lines += [f"{figure}: {value:.3g}" for figure, value in record.figures.items()]
        lines += [f"Note: {warning}" for warning in record.warnings]
        self.report.setText("\n".join(lines))

    def _on_method(self) -> None:
        method = self.method
        self.preset_box.blockSignals(True)
        self.preset_box.clear()
        self.preset_box.addItems([_RECOMMENDED, *method.presets])
        self.preset_box.blockSignals(False)
        self.preset_box.setEnabled(bool(method.presets))
        self._summary.setText(method.summary)
        self._summary.setToolTip(method.reference)
        self._make_form()

    def _on_preset(self, preset: str) -> None:
        if self.form is not None and preset:
            self.form.set_values(self.method.settings(None if preset == _RECOMMENDED else preset))

    def _make_form(self) -> None:
        if self.form is not None:
            self._form_place.removeWidget(self.form)
            self.form.deleteLater()
        series = self.room.series
        self.form = ParameterForm(self.method.settings(), () if series is None else series.b_values.distinct)
        self._form_place.addWidget(self.form)

    def _on_scan(self) -> None:
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
        ready = self.room.series is not None
        for button in (self.run_button, self.preview_button):
            button.setEnabled(ready)
        self.report.setText("" if ready else "Load a scan in the Scan dock first.")
        self._make_form()

    def _on_images(self) -> None:
        self.side_by_side.setChecked(self.room.panes.side_by_side)
        self.save_button.setEnabled(any(shown.result is not None for shown in self.room.shown))

    def _ask_save(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Save the results in"):
            self.save(Path(folder))


def _short(method: Method) -> str:
    """The title without what is explained in brackets."""
    return method.title.split(" (")[0]


def _spread(result: Result, series: DwiSeries, axis: int, index: int, position: int) -> Result:
    """The result of a slab as images of the whole grid, NaN everywhere but in the one slice."""
    images = []
    for output in result.output.images:
        image = output.image
        values = image.signal if isinstance(image, DwiSeries) else image.data
        whole = np.full((*series.grid.shape, *values.shape[3:]), np.nan, dtype=np.float32, order="F")
        here, there = [slice(None)] * 3, [slice(None)] * 3
        here[axis], there[axis] = slice(index, index + 1), slice(position, position + 1)
        whole[tuple(here)] = values[tuple(there)]
        spread: DwiSeries | Volume
        if isinstance(image, DwiSeries):
            spread = replace(image, signal=whole, grid=series.grid)
        else:
            spread = replace(image, data=whole, grid=series.grid)
        images.append(replace(output, image=spread))
    return replace(result, output=replace(result.output, images=tuple(images)))
