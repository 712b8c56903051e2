"""What the docks of all methods share: pick one, try it on a slice, run it, save the results."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
)

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.dock import Dock
from napari_dwi.gui.form import ParameterForm, narrow
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.result_list import ResultList
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.method import Inputs, Method, Task
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import methods_of
from napari_dwi.methods.running import Result, run_method
from napari_dwi.methods.single_slice import run_on_slice
from napari_dwi.scan import DwiSeries
from napari_dwi.text import brief, duration

if TYPE_CHECKING:
    import napari

_RECOMMENDED = "recommended"
_LARGEST_SEED = 2**31 - 1


class MethodDock(Dock):
    """Run the methods of one task on the scan on show, in the background.

    Parameters
    ----------
    viewer : Viewer
        The viewer the dock belongs to.
    task : str
        Whose methods can be picked.
    title, icon_name : str
        Heading and icon of the dock.
    verb : str
        What the button that runs the method says.
    """

    def __init__(
        self, viewer: napari.viewer.Viewer, task: Task, *, title: str, icon_name: str, verb: str
    ) -> None:
        super().__init__(viewer, title, icon_name)
        self._task = task
        self.methods = methods_of(task)
        self.form: ParameterForm | None = None
        self._make_choice()
        self._form_place = QVBoxLayout()
        self.content.addLayout(self._form_place)
        self.where = QFormLayout()
        self._make_where()
        self.content.addLayout(self.where)
        self._make_buttons(verb)
        self.job_rows = JobRows(self.room.queue)
        self.content.addWidget(self.job_rows)
        self.report = QLabel()
        self.report.setWordWrap(True)
        self.report.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.content.addWidget(self.report)
        self.result_list = ResultList(self.room)
        self.content.addWidget(self.result_list)
        self._make_bottom()
        self.room.keeping.gathering.connect(self._gather)
        self.room.keeping.restoring.connect(self._restore)
        self.method_box.currentIndexChanged.connect(self._on_method)
        self.preset_box.currentTextChanged.connect(self._on_preset)
        self.room.scan_changed.connect(self.on_scan)
        self.room.images_changed.connect(self._on_images)
        self._on_method()
        self.on_scan()
        self._on_images()
        self._restore()

    @property
    def method(self) -> Method:
        """The method picked."""
        return self.methods[self.method_box.currentIndex()]

    def pick(self, name: str, preset: str | None = None) -> None:
        """Pick a method by its name, and one of its presets."""
        names = [method.name for method in self.methods]
        self.method_box.setCurrentIndex(names.index(name))
        self.preset_box.setCurrentText(preset or _RECOMMENDED)

    def offer(self, methods: tuple[Method, ...]) -> None:
        """Let the user pick among these; the one picked before stays if it is among them."""
        before = self.method.name
        self.methods = methods
        names = [method.name for method in methods]
        self.method_box.blockSignals(True)
        self.method_box.clear()
        self.method_box.addItems([method.title for method in methods])
        self.method_box.setCurrentIndex(names.index(before) if before in names else 0)
        self.method_box.blockSignals(False)
        self._on_method()

    def inputs(self) -> Inputs:
        """The snapshot a method is to work on; docks add anatomy or a mask.

        Raises
        ------
        BadInputError
            If there is no scan, or what was chosen cannot be used.
        """
        if self.room.series is None:
            raise BadInputError("there is no scan", remedy=self.room.why_empty)
        return Inputs(self.room.series)

    def settings(self, preset: str | None = None) -> Parameters:
        """The recommended values of the method, or those of a preset."""
        return self.method.settings(preset)

    def settled(self) -> Collection[str]:
        """Names of the parameters that the form need not ask for."""
        return ()

    def run(self) -> None:
        """Run the method on the whole series."""
        if (asked := self._asked()) is None:
            return
        parameters, inputs = asked
        method, device, seed = self.method, self.device_box.currentText(), self.seed_box.value()

        def work(progress: Progress) -> Result:
            return run_method(method, parameters, inputs, seed=seed, device=device, progress=progress)

        title = short_title(method)
        self.room.submit(title, work, lambda result: self._show(result, title, inputs.series))

    def run_on_slice(self) -> None:
        """Run the method on the slice on show alone."""
        if (asked := self._asked()) is None:
            return
        parameters, inputs = asked
        method, device, seed = self.method, self.device_box.currentText(), self.seed_box.value()
        if (slice_on_show := self._slice_on_show()) is None:
            tell_error(BadInputError("no single slice is on show", remedy="Leave the 3-D view first."))
            return
        axis, index = slice_on_show

        def work(progress: Progress) -> Result:
            return run_on_slice(
                method, parameters, inputs, axis, index, seed=seed, device=device, progress=progress
            )

        title = short_title(method)
        self.room.submit(
            f"{title}, this slice",
            work,
            lambda result: self._show(result, f"{title} preview", inputs.series),
        )

    def save(self, folder: Path) -> None:
        """Save every result on show into a folder."""
        self.room.keeping.save_results(folder)

    def on_scan(self) -> None:
        """Meet another scan."""
        ready = self.room.series is not None
        for button in (self.run_button, self.preview_button):
            button.setEnabled(ready)
            button.setToolTip(self._help_of[button] if ready else self.room.why_empty)
        self.report.setText("" if ready else self.room.why_empty)
        self.make_form()

    def restore(self, method: str, parameters: Mapping[str, Any]) -> None:
        """Show a method with parameters as a session has them.

        Raises
        ------
        BadInputError
            If there is no such method here, or it cannot have them; what was shown stays.
        """
        names = [known.name for known in self.methods]
        if method not in names:
            raise BadInputError(f"{method} is not among the methods", expected=", ".join(names))
        values = self.methods[names.index(method)].parameters.from_values(parameters)
        self.pick(method)
        if self.form is not None:
            self.form.set_values(values)

    def make_form(self) -> None:
        """Make the form of the method anew."""
        if self.form is not None:
            self._form_place.removeWidget(self.form)
            # Its end comes with the next turn of the event loop; until then it would lie over the new.
            self.form.hide()
            self.form.deleteLater()
        series = self.room.series
        b_values = () if series is None else series.b_values.distinct
        self.form = ParameterForm(self.settings(), b_values, self.settled())
        self._form_place.addWidget(self.form)

    def _gather(self) -> None:
        """Tell the session what is set here."""
        try:
            parameters = {} if self.form is None else self.form.values().as_dict()
        except DwiError:
            # Half typed: the recommended ones will do.
            parameters = {}
        self.room.keeping.settings[self._task] = {
            "method": self.method.name,
            "parameters": parameters,
            "device": self.device_box.currentText(),
            "seed": self.seed_box.value(),
        }

    def _restore(self) -> None:
        """Take from the session what was set here."""
        said = self.room.keeping.settings.get(self._task)
        if said is None:
            return
        try:
            self.restore(str(said.get("method")), dict(said.get("parameters", {})))
            self.seed_box.setValue(int(said.get("seed", 0)))
        except (DwiError, TypeError, ValueError, OverflowError) as err:
            tell(f"the settings of {self._task} in the session are left out: {err}")
        self.device_box.setCurrentText(str(said.get("device")))

    def _make_choice(self) -> None:
        self.method_box = QComboBox()
        self.method_box.addItems([method.title for method in self.methods])
        narrow(self.method_box)
        self.preset_box = QComboBox()
        self.preset_box.setToolTip("Named settings of this method")
        self._summary = QLabel()
        self._summary.setWordWrap(True)
        self.choice = QFormLayout()
        self.choice.addRow("method", self.method_box)
        self.choice.addRow("settings", self.preset_box)
        self.content.addLayout(self.choice)
        self.content.addWidget(self._summary)

    def _make_where(self) -> None:
        self.device_box = QComboBox()
        self.device_box.addItems(DEVICES)
        self.device_box.setToolTip("auto takes the graphics card if there is one")
        self.seed_box = QSpinBox()
        self.seed_box.setRange(0, _LARGEST_SEED)
        self.seed_box.setToolTip("The same seed on the same device gives the same result")
        self.where.addRow("compute on", self.device_box)
        self.where.addRow("seed", self.seed_box)

    def _make_buttons(self, verb: str) -> None:
        self.preview_button = QPushButton("Try on this slice")
        self.preview_button.setToolTip(
            "Only the slice on show: in seconds, or a minute or two where a network has to learn"
        )
        self.preview_button.clicked.connect(self.run_on_slice)
        self.run_button = QPushButton(verb)
        self.run_button.setStyleSheet("font-weight: bold")
        self.run_button.setToolTip("The whole series, in the background")
        self.run_button.clicked.connect(self.run)
        self._help_of = {button: button.toolTip() for button in (self.preview_button, self.run_button)}
        buttons = QHBoxLayout()
        buttons.addWidget(self.preview_button)
        buttons.addWidget(self.run_button)
        self.content.addLayout(buttons)

    def _make_bottom(self) -> None:
        self.side_by_side = QCheckBox("side by side")
        self.side_by_side.setToolTip("Every image in its own pane, with linked zoom")
        self.side_by_side.clicked.connect(self.room.set_side_by_side)
        self.save_button = QPushButton("Save results…")
        self.save_button.setToolTip("NIfTI files with a .json beside each that says how it was made")
        self.save_button.clicked.connect(self._ask_save)
        bottom = QHBoxLayout()
        bottom.addWidget(self.side_by_side)
        bottom.addWidget(self.save_button)
        self.content.addLayout(bottom)
        self.content.addStretch(1)

    def _asked(self) -> tuple[Parameters, Inputs] | None:
        if self.form is None:
            return None
        try:
            return self.form.values(), self.inputs()
        except DwiError as err:
            tell_error(err)
            return None

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
        # Steps of the slider are those of the finest image on show.
        place = round(dims.point[sliced + first] / view.spacing_mm[sliced])
        position[sliced] = min(max(place, 0), view.shape[sliced] - 1)
        axis = view.voxel_axes[sliced]
        return axis, view.voxel((position[0], position[1], position[2]))[axis]

    def _show(self, result: Result, title: str, series: DwiSeries) -> None:
        if series is not self.room.series:
            tell(f"{title} of {series.name} is not shown: another scan has taken its place")
            return
        self.room.show_result(result, title)
        record = result.record
        lines = [f"{title}: {duration(record.seconds)} on {record.device}"]
        lines += result.output.remarks
        lines += [f"{figure}: {brief(value)}" for figure, value in record.figures.items()]
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
        self.make_form()

    def _on_preset(self, preset: str) -> None:
        if self.form is not None and preset:
            self.form.set_values(self.settings(None if preset == _RECOMMENDED else preset))

    def _on_images(self) -> None:
        self.side_by_side.setChecked(self.room.panes.side_by_side)
        self.save_button.setEnabled(any(shown.result is not None for shown in self.room.shown))

    def _ask_save(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Save the results in"):
            self.save(Path(folder))


def short_title(method: Method) -> str:
    """The title without what is explained in brackets."""
    return method.title.split(" (")[0]
