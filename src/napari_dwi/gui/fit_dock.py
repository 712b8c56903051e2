"""The Fit dock: a model, a method, where to fit, and the decay behind the maps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.fit._parameters import FitParameters
from napari_dwi.fit._readout import mean_signal, read_fit, read_signal_fit
from napari_dwi.gui.form import narrow
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.method_dock import MethodDock, short_title
from napari_dwi.gui.protocol_panel import ProtocolPanel
from napari_dwi.gui.voxel_probe import VoxelProbe
from napari_dwi.methods.method import Inputs
from napari_dwi.methods.parameters import Parameters
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import methods_of
from napari_dwi.physics.signal_models import MODELS, SignalModel
from napari_dwi.scan import Volume

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

    from napari_dwi.fit._region_means import RegionFits
    from napari_dwi.gui.fit_plot import FitPlot

_FOREGROUND, _EVERYWHERE = "foreground (automatic)", "whole image"
_CURVE_POINTS = 150


class FitDock(MethodDock):
    """Fit ADC or IVIM to the scan on show; the maps arrive beside it, with the fit of any voxel."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        self._all_methods = methods_of("fit")
        self._models = [
            model for model in MODELS if any(model.name in method.models for method in self._all_methods)
        ]
        self._voxel: tuple[int, int, int] | None = None
        # Fits of mean signals, each with its name and the voxels of the region as it was then.
        self._means: list[tuple[str, NDArray[np.bool_], RegionFits]] = []
        super().__init__(napari_viewer, "fit", title="Fit", icon_name="fit", verb="Fit")
        self._probe = VoxelProbe(self.room.viewer)
        self._probe.clicked.connect(self.look_at)
        self._make_decay()
        self._make_planner()
        self.room.scan_changed.connect(self._plan)
        self.room.regions_changed.connect(self._on_regions)
        self.room.images_changed.connect(self._draw)
        self._on_regions()
        self._on_model()
        self._restore()

    @property
    def model(self) -> SignalModel:
        """The signal model picked."""
        return self._models[self.model_box.currentIndex()]

    def inputs(self) -> Inputs:
        """The series with the mask that is picked; as `MethodDock.inputs`."""
        inputs = super().inputs()
        grid = inputs.series.grid
        chosen = self.mask_box.currentData()
        if chosen is None:
            return inputs
        if chosen == _EVERYWHERE:
            inside = np.ones(grid.shape, dtype=np.float32)
        else:
            inside = self._region(chosen).astype(np.float32)
            if not inside.any():
                raise BadInputError(
                    f"region {self.mask_box.currentText()} is empty", remedy="Draw it or choose another."
                )
        return replace(inputs, mask=Volume(inside, grid, "mask", name=self.mask_box.currentText()))

    def settings(self, preset: str | None = None) -> Parameters:
        """The recommended values, or those of a preset, for the model picked."""
        values = super().settings(preset).as_dict()
        return self.method.parameters.from_values(values | {"model": self.model.name})

    def settled(self) -> Collection[str]:
        """The model, which is picked above, and what other models would need."""
        kind = self.method.parameters
        return {"model"} | (kind.idle(self.model.name) if issubclass(kind, FitParameters) else set())

    def restore(self, method: str, parameters: Mapping[str, Any]) -> None:
        """As `MethodDock.restore`; the model comes first, as it says which methods there are."""
        names = [model.name for model in self._models]
        if parameters.get("model") in names:
            self.model_box.setCurrentIndex(names.index(parameters["model"]))
        super().restore(method, parameters)

    def look_at(self, voxel: tuple[int, int, int]) -> None:
        """Show the decay and the fits of a voxel (x, y, z)."""
        self._voxel = voxel
        self.decay_box.setCurrentIndex(0)
        self._draw()

    def fit_mean(self) -> None:
        """Fit the mean signal of the region picked for the plot, by the method and settings above."""
        series, code = self.room.series, self.decay_box.currentData()
        if series is None or code is None or self.form is None:
            return
        try:
            parameters = self.form.values()
        except DwiError as err:
            tell_error(err)
            return
        if not isinstance(parameters, FitParameters):
            raise TypeError(f"{self.method.name} is no fit")
        name, voxels = self.decay_box.currentText(), self._region(code)
        method, device, seed = self.method, self.device_box.currentText(), self.seed_box.value()

        def work(progress: Progress) -> RegionFits:
            from napari_dwi.fit._region_means import fit_region_means

            return fit_region_means(
                series, {name: voxels}, method, parameters, seed=seed, device=device, progress=progress
            )

        title = f"{short_title(method)}, mean signal"

        def done(fits: RegionFits) -> None:
            if series is self.room.series:
                self._means.append((title, voxels, fits))
                self.report.setText("\n".join([f"{title} of {name}", *fits.found.notes]))
                self._draw()

        self.room.submit(f"{title} of {name}", work, done)

    def on_scan(self) -> None:
        """Meet another scan; its voxels are others."""
        self._voxel = None
        self._means = []
        super().on_scan()

    def _make_choice(self) -> None:
        super()._make_choice()
        self.model_box = QComboBox()
        self.model_box.addItems([model.title for model in self._models])
        self.model_box.setToolTip("The signal model; its formula stands below")
        narrow(self.model_box)
        self.choice.insertRow(0, "model", self.model_box)
        self.formula = QLabel()
        self.formula.setWordWrap(True)
        self.choice.insertRow(1, "", self.formula)
        self.model_box.currentIndexChanged.connect(self._on_model)

    def _make_where(self) -> None:
        self.mask_box = QComboBox()
        self.mask_box.setToolTip("Where to fit; regions come from the Regions dock")
        narrow(self.mask_box)
        self.where.addRow("fit in", self.mask_box)
        super()._make_where()

    def _make_decay(self) -> None:
        self.fold = QCollapsible("Decay and fit")
        self.decay_box = QComboBox()
        self.decay_box.setToolTip("Click a voxel in the image, or choose a region")
        self.decay_box.currentIndexChanged.connect(self._draw)
        self._plot: FitPlot | None = None
        self._decay = QWidget()
        self._decay_layout = QVBoxLayout(self._decay)
        self._decay_layout.setContentsMargins(0, 0, 0, 0)
        self._decay_layout.addWidget(self.decay_box)
        self.mean_button = QPushButton("Fit this mean signal")
        self.mean_button.setToolTip(
            "Fit the mean signal of the region by the method above: far less noise than in any voxel"
        )
        self.mean_button.clicked.connect(self.fit_mean)
        copy = QPushButton("Copy numbers")
        copy.setToolTip("Tab-separated, ready for a spreadsheet")
        copy.clicked.connect(self._copy)
        buttons = QHBoxLayout()
        buttons.addWidget(self.mean_button)
        buttons.addWidget(copy)
        self._decay_layout.addLayout(buttons)
        self.fold.addWidget(self._decay)
        self.fold.expand(animate=False)
        self.fold.toggled.connect(self._draw)
        self.content.insertWidget(self.content.indexOf(self.report), self.fold)

    def _make_planner(self) -> None:
        self.planner = ProtocolPanel()
        self.planner_fold = QCollapsible("What these b-values can resolve")
        self.planner_fold.setToolTip("Before fitting: how far a single voxel can be trusted at best")
        self.planner_fold.addWidget(self.planner)
        self.planner_fold.collapse(animate=False)
        self.planner_fold.toggled.connect(self._plan)
        self.content.insertWidget(self.content.indexOf(self.report), self.planner_fold)

    def _plan(self) -> None:
        if self.room.series is not None and self.planner_fold.isExpanded():
            self.planner.show_protocol(self.model, self.room.series.b_values.values)

    @property
    def plot(self) -> FitPlot:
        """The plot; made when first needed, as its library takes half a second to import."""
        if self._plot is None:
            from napari_dwi.gui.fit_plot import FitPlot

            self._plot = FitPlot()
            self._decay_layout.insertWidget(1, self._plot)
        return self._plot

    def _on_model(self) -> None:
        self.formula.setText(self.model.formula)
        self.formula.setToolTip(self.model.reference)
        self.offer(tuple(method for method in self._all_methods if self.model.name in method.models))
        self._plan()

    def _on_method(self) -> None:
        super()._on_method()
        on_card = self.method.uses_torch
        self.device_box.setEnabled(on_card)
        self.device_box.setToolTip(
            "auto takes the graphics card if there is one" if on_card else "This method computes on the CPU"
        )

    def _on_preset(self, preset: str) -> None:
        """Fill in a preset; one made for another model brings that model."""
        names = [model.name for model in self._models]
        wanted = self.method.presets.get(preset, {}).get("model", self.model.name)
        if wanted != self.model.name and wanted in names:
            self.model_box.setCurrentIndex(names.index(wanted))
            self.preset_box.setCurrentText(preset)
        else:
            super()._on_preset(preset)

    def _on_regions(self) -> None:
        regions = () if self.room.regions is None else self.room.regions.regions
        for box, first in (
            (self.mask_box, ((_FOREGROUND, None), (_EVERYWHERE, _EVERYWHERE))),
            (self.decay_box, (("voxel clicked", None),)),
        ):
            before = box.currentData()
            box.blockSignals(True)
            box.clear()
            for text, data in first:
                box.addItem(text, data)
            for region in regions:
                box.addItem(region.name, region.code)
            box.setCurrentIndex(max(0, box.findData(before)))
            box.blockSignals(False)
        self._draw()

    def _region(self, code: int) -> NDArray[np.bool_]:
        if self.room.regions is None:
            raise RuntimeError("there are no regions without a scan")
        return self.room.regions.as_regions().labels.data == code

    def _draw(self) -> None:
        """Draw the decay of the voxel or region picked, with every fit on show."""
        self._probe.view = self.room.view
        series = self.room.series
        code = self.decay_box.currentData()
        self.mean_button.setEnabled(series is not None and code is not None)
        # Drawn after every stroke: a plot that nobody sees must cost nothing.
        if not self.fold.isExpanded() or series is None or (code is None and self._voxel is None):
            return
        if code is None:
            voxels = np.zeros(series.grid.shape, dtype=bool)
            voxels[self._voxel] = True
            title = "voxel " + ", ".join(str(place) for place in self._voxel or ())
        else:
            voxels = self._region(code)
            title = f"{self.decay_box.currentText()}, {int(voxels.sum())} voxels"
        if not voxels.any():
            return
        b_values, mean, spread = mean_signal(series, voxels)
        self.plot.show_decay(title, b_values, mean, spread)
        dense = np.linspace(0, float(b_values.max()), _CURVE_POINTS)
        fits = []
        for result, name in self.room.keeping.results:
            readout = read_fit(result.output, voxels, dense)
            if readout is not None:
                fits.append((name, readout))
        for name, region, found in self._means:
            # A region that was drawn anew has another mean.
            if np.array_equal(region, voxels) and (readout := read_signal_fit(found.found, 0, dense)):
                fits.append((name, readout))
        self.plot.show_fits(dense, fits)

    def _copy(self) -> None:
        if self._plot is not None:
            QGuiApplication.clipboard().setText(self._plot.text)
            tell("numbers copied")
