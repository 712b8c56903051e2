"""The Regions dock: draw regions and read their numbers in every image at every b-value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor, QGuiApplication
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
)
from superqt import QCollapsible

from napari_dwi.errors import BadInputError
from napari_dwi.gui.dock import Dock
from napari_dwi.gui.drawing import DrawingTool, Tool
from napari_dwi.gui.jobs import Job
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.region_table import RegionTable
from napari_dwi.measure.regions import RegionStatistics, measure_regions, statistics_table
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import resample_to
from napari_dwi.scan.file_set import file_set
from napari_dwi.scan.regions import Regions, add_regions, read_regions

if TYPE_CHECKING:
    import napari

    from napari_dwi.gui.decay_plot import DecayPlot

_NO_BACKGROUND = "none"
_TOOLS: tuple[tuple[Tool, str, str, str], ...] = (
    ("navigate", "Move", "V", "Move and zoom the image"),
    ("ellipse", "Ellipse", "E", "Drag an ellipse; voxels whose centre lies inside belong to it"),
    ("rectangle", "Rectangle", "R", "Drag a rectangle"),
    ("polygon", "Polygon", "G", "Click the corners, double-click to close"),
    ("brush", "Brush", "B", "Paint; [ and ] change its size"),
    ("erase", "Erase", "X", "Take voxels away"),
)


class RegionsDock(Dock):
    """Draw named regions and read mean, SD, CV and CNR for every image on show."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer, "Regions", "regions")
        self._drawing: DrawingTool | None = None
        self._updating = False
        self.rows: tuple[RegionStatistics, ...] = ()
        self._make_tools()
        self._make_list()
        self._make_table()
        self._make_curves()
        self._make_files()
        self.room.scan_changed.connect(self._on_scan)
        self.room.images_changed.connect(self.measure)
        self.room.regions_changed.connect(self._on_regions)
        self.room.viewer.dims.events.current_step.connect(self._fill_table)
        self._on_scan()

    def _make_tools(self) -> None:
        grid = QGridLayout()
        self.tool_buttons: dict[Tool, QPushButton] = {}
        group = QButtonGroup(self)
        for place, (tool, label, key, help_text) in enumerate(_TOOLS):
            button = QPushButton(label)
            button.setCheckable(True)
            button.setShortcut(f"Alt+{key}")
            button.setToolTip(f"{help_text} (Alt+{key})")
            button.clicked.connect(lambda _checked, tool=tool: self.take(tool))
            group.addButton(button)
            grid.addWidget(button, place // 3, place % 3)
            self.tool_buttons[tool] = button
        self.undo_button = QPushButton("Undo")
        self.undo_button.setToolTip("Take the last stroke back (Ctrl+Z on the Regions layer)")
        self.undo_button.clicked.connect(self._undo)
        self.redo_button = QPushButton("Redo")
        self.redo_button.setToolTip("Do it again (Ctrl+Shift+Z on the Regions layer)")
        self.redo_button.clicked.connect(self._redo)
        grid.addWidget(self.undo_button, 2, 0)
        grid.addWidget(self.redo_button, 2, 1)
        self.content.addLayout(grid)

    def _make_list(self) -> None:
        self.list = QListWidget()
        self.list.setMaximumHeight(110)
        self.list.setToolTip("Drawing goes to the region selected; double-click to rename")
        self.list.currentRowChanged.connect(self._on_row)
        self.list.itemChanged.connect(self._on_renamed)
        self.content.addWidget(self.list)
        self.new_button = QPushButton("New region")
        self.new_button.clicked.connect(self._new)
        self.delete_button = QPushButton("Delete")
        self.delete_button.clicked.connect(self._delete)
        buttons = QHBoxLayout()
        buttons.addWidget(self.new_button)
        buttons.addWidget(self.delete_button)
        self.content.addLayout(buttons)
        self.background_box = QComboBox()
        self.background_box.setToolTip("CNR = (mean - background mean) / background SD")
        self.background_box.currentTextChanged.connect(self._on_background)
        background = QFormLayout()
        background.addRow("background for CNR", self.background_box)
        self.content.addLayout(background)

    def _make_table(self) -> None:
        self.table = RegionTable()
        self.content.addWidget(self.table, 1)
        self.all_b_values = QCheckBox("all b-values")
        self.all_b_values.setToolTip("Otherwise the b-value on show")
        self.all_b_values.toggled.connect(self._fill_table)
        self.content.addWidget(self.all_b_values)

    def _make_curves(self) -> None:
        self.curves_fold = QCollapsible("Decay curves")
        self.curves_fold.setToolTip("Mean signal of every region against the b-value")
        self.curves_fold.collapse(animate=False)
        self.curves_fold.toggled.connect(self._draw_curves)
        self.curves: DecayPlot | None = None
        self.content.addWidget(self.curves_fold)

    def _make_files(self) -> None:
        self.copy_button = QPushButton("Copy table")
        self.copy_button.setToolTip("All b-values, tab-separated, ready for a spreadsheet")
        self.copy_button.clicked.connect(self._copy)
        export = QPushButton("Export…")
        export.setToolTip("The table as a .tsv file")
        export.clicked.connect(self._ask_export)
        save = QPushButton("Save regions…")
        save.setToolTip("A NIfTI label image, and the names beside it as .json")
        save.clicked.connect(self._ask_save)
        load = QPushButton("Load regions…")
        load.clicked.connect(self._ask_load)
        buttons = QGridLayout()
        for place, button in enumerate((self.copy_button, export, save, load)):
            buttons.addWidget(button, place // 2, place % 2)
        self.content.addLayout(buttons)

    def take(self, tool: Tool) -> None:
        """Take a drawing tool in hand."""
        if self._drawing is None or self.room.regions is None:
            return
        self.room.regions.put_back()
        self.room.viewer.layers.selection.active = self.room.regions.layer
        self._drawing.take(tool)
        self.tool_buttons[tool].setChecked(True)

    def measure(self) -> None:
        """Measure every region in every image on show."""
        regions = self.room.regions
        if regions is None:
            self.rows = ()
        else:
            drawn = regions.as_regions()
            background = self.background_box.currentText()
            wanted = background if background in drawn.names.values() else None
            rows: list[RegionStatistics] = []
            for shown in self.room.shown:
                measured = measure_regions(shown.image, drawn.labels, drawn.names, wanted)
                rows += [replace(row, image=shown.layer.name) for row in measured]
            self.rows = tuple(rows)
        self._fill_table()
        self._draw_curves()

    def save(self, path: Path) -> None:
        """Save the regions as a label image with their names beside it."""
        regions = self.room.regions
        if regions is None:
            return
        drawn, digest, inputs = regions.as_regions(), regions.digest, self._inputs()

        def work(_: Progress) -> None:
            with file_set(path.parent, inputs) as files:
                add_regions(files, drawn, path)

        def done(_: None) -> None:
            self.room.keeping.regions_saved(digest)
            tell(f"regions saved as {path.name}")

        self._do("Saving the regions", work, done)

    def export(self, path: Path) -> None:
        """Write the table of all b-values as tab-separated text."""
        table, inputs = statistics_table(self.rows), self._inputs()

        def work(_: Progress) -> None:
            with file_set(path.parent, inputs) as files:
                files.add_text(path, table)

        self._do("Exporting the table", work, lambda _: tell(f"table saved as {path.name}"))

    def load(self, path: Path) -> None:
        """Load regions, resampled to the scan where they lie on another grid."""
        regions, series = self.room.regions, self.room.series
        if regions is None or series is None:
            return

        def work(_: Progress) -> Regions:
            read = read_regions(path)
            return replace(read, labels=resample_to(read.labels, series.grid))

        def done(read: Regions) -> None:
            if self.room.regions is not regions:
                tell(f"{path.name} is not shown: another scan has taken the place of its own")
                return
            regions.load(read)
            for note in read.labels.notes:
                tell(f"{path.name}: {note}")
            self.room.keeping.regions_saved(regions.digest)

        self._do("Loading regions", work, done)

    def _do(self, title: str, work: Callable[[Progress], Any], done: Callable[[Any], None]) -> None:
        """Read or write beside the jobs of the queue, which may take long."""
        self.room.keeping.quick.submit(Job(title, work, done, tell_error))

    def _inputs(self) -> list[Path]:
        images = [shown.image for shown in self.room.shown]
        return [image.source.path for image in images if image.source is not None]

    def _on_scan(self) -> None:
        regions = self.room.regions
        self._drawing = None if regions is None else DrawingTool(regions)
        for button in (*self.tool_buttons.values(), self.new_button, self.delete_button):
            button.setEnabled(regions is not None)
        self.tool_buttons["navigate"].setChecked(True)
        self._on_regions()

    def _on_regions(self) -> None:
        self._fill_list()
        self.measure()

    def _fill_list(self) -> None:
        regions = self.room.regions
        known = () if regions is None else regions.regions
        self._updating = True
        self.list.clear()
        for region in known:
            item = QListWidgetItem(region.name)
            item.setData(Qt.ItemDataRole.UserRole, region.code)
            item.setData(Qt.ItemDataRole.DecorationRole, QColor(region.colour))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            self.list.addItem(item)
        active = None if regions is None else regions.active
        if active is not None:
            self.list.setCurrentRow([region.code for region in known].index(active.code))
        # By its label, which stays the same when the region gets another name.
        before = self.background_box.currentData()
        self.background_box.clear()
        self.background_box.addItem(_NO_BACKGROUND)
        for region in known:
            self.background_box.addItem(region.name, region.code)
        self.background_box.setCurrentIndex(max(0, self.background_box.findData(before)))
        self._updating = False

    def _draw_curves(self) -> None:
        if not self.curves_fold.isExpanded():
            return
        if self.curves is None:
            # The plotting library takes half a second to import: only for those who look at curves.
            from napari_dwi.gui.decay_plot import DecayPlot

            self.curves = DecayPlot()
            self.curves_fold.addWidget(self.curves)
        regions = () if self.room.regions is None else self.room.regions.regions
        residuals = {shown.layer.name for shown in self.room.shown if shown.role == "residual"}
        rows = [row for row in self.rows if row.image not in residuals]
        self.curves.show_rows(rows, {region.name: region.colour for region in regions})

    def _fill_table(self) -> None:
        volume = self.room.current_volume()
        b_value = None
        if self.room.series is not None and volume < len(self.room.series.b_values):
            b_value = float(self.room.series.b_values.values[volume])
        rows = [
            row
            for row in self.rows
            if self.all_b_values.isChecked() or row.b_value is None or row.b_value == b_value
        ]
        self.table.show_rows(rows, with_b_values=self.all_b_values.isChecked())

    def _on_row(self, row: int) -> None:
        if not self._updating and row >= 0 and self.room.regions is not None:
            self.room.regions.activate(int(self.list.item(row).data(Qt.ItemDataRole.UserRole)))

    def _on_renamed(self, item: QListWidgetItem) -> None:
        if self._updating or self.room.regions is None:
            return
        if not self.room.regions.rename(int(item.data(Qt.ItemDataRole.UserRole)), item.text()):
            tell_error(BadInputError("regions need names of their own", found=repr(item.text())))
            # Qt is not done with the item that it tells of.
            QTimer.singleShot(0, self._fill_list)

    def _on_background(self) -> None:
        if not self._updating:
            self.measure()

    def _new(self) -> None:
        if self.room.regions is not None:
            self.room.regions.add()

    def _delete(self) -> None:
        regions = self.room.regions
        if regions is not None and regions.active is not None:
            regions.remove(regions.active.code)

    def _undo(self) -> None:
        if self.room.regions is not None:
            self.room.regions.layer.undo()

    def _redo(self) -> None:
        if self.room.regions is not None:
            self.room.regions.layer.redo()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(statistics_table(self.rows))
        tell("table copied")

    def _ask_export(self) -> None:
        file, _ = QFileDialog.getSaveFileName(self, "Export the table", "regions_stats.tsv", "Table (*.tsv)")
        if file:
            self.export(Path(file))

    def _ask_save(self) -> None:
        name = "regions" if self.room.series is None else self.room.series.name
        suggestion = f"{name}_desc-regions_dseg.nii.gz"
        file, _ = QFileDialog.getSaveFileName(self, "Save the regions", suggestion, "NIfTI (*.nii.gz)")
        if file:
            self.save(Path(file))

    def _ask_load(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Load regions", "", "NIfTI (*.nii *.nii.gz)")
        if file:
            self.load(Path(file))
