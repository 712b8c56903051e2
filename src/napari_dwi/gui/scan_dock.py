"""The Scan dock: open a folder or a file, see what is in it, load a scan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
)

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.dock import Dock
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.messages import tell_error
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import (
    DwiSeries,
    SeriesInfo,
    Volume,
    format_b_value,
    list_series,
    open_series,
    open_volume,
    resample_to,
)

if TYPE_CHECKING:
    import napari

_COLUMNS = ("use", "series", "role", "size", "voxel (mm)", "b (s/mm²)", "look at")
_AS_DWI, _AS_ANATOMY = "DWI", "anatomy"


@dataclass(frozen=True, eq=False)
class LoadedScan:
    """A series with its anatomy on the same grid, and what to tell about them."""

    series: DwiSeries
    anatomy: tuple[Volume, ...]


class ScanDock(Dock):
    """Open a DICOM folder or NIfTI file, choose the series and the anatomy, and load them."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer, "Scan", "scan")
        self._infos: tuple[SeriesInfo, ...] = ()
        self.folder_button = QPushButton("Open folder…")
        self.folder_button.setToolTip(
            "A DICOM folder, or a folder with NIfTI files; dropping it here works too"
        )
        self.folder_button.clicked.connect(self._ask_folder)
        self.file_button = QPushButton("Open file…")
        self.file_button.setToolTip("A NIfTI series (.nii, .nii.gz) with its .bval beside it")
        self.file_button.clicked.connect(self._ask_file)
        buttons = QHBoxLayout()
        buttons.addWidget(self.folder_button)
        buttons.addWidget(self.file_button)
        self.content.addLayout(buttons)

        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setMinimumHeight(130)
        self.content.addWidget(self.table)

        self.load_button = QPushButton("Load")
        self.load_button.setToolTip("Show the ticked series and bring the ticked anatomy onto its grid")
        self.load_button.setEnabled(False)
        self.load_button.clicked.connect(self.load_ticked)
        self.content.addWidget(self.load_button)
        self.content.addWidget(JobRows(self.room.queue))
        self.summary = QLabel("Open a folder or a file, or drop it here.")
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.content.addWidget(self.summary)
        self.content.addStretch(1)
        self.setAcceptDrops(True)
        self.room.scan_changed.connect(self._describe)
        if self.room.series is not None:
            self._describe()

    def open_path(self, path: Path) -> None:
        """List what a file or folder holds; a file's neighbours are offered as anatomy."""
        self.room.submit(
            "Looking through the folder" if path.is_dir() else f"Looking at {path.name}",
            lambda progress: _listed(path, progress),
            lambda infos: self._offer(infos, path),
        )

    def load_ticked(self) -> None:
        """Load the ticked series with the ticked anatomy."""
        ticked = [
            info
            for row, info in enumerate(self._infos)
            if self.table.item(row, 0).checkState() == Qt.CheckState.Checked
        ]
        series = [info for info in ticked if info.role == _AS_DWI]
        if len(series) != 1:
            tell_error(
                BadInputError("tick one diffusion series", expected="one", found=str(len(series) or "none"))
            )
            return
        if not self.room.may_replace(self):
            return
        anatomy = [info.path for info in ticked if info.role != _AS_DWI]
        self.room.submit(
            f"Loading {series[0].description}",
            lambda progress: load_scan(series[0].path, anatomy, progress),
            self._show,
            self._on_failed,
        )

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802 - Qt's name
        """Take files and folders."""
        if event is not None and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802 - Qt's name
        """Open what was dropped."""
        local = [] if event is None else [url for url in event.mimeData().urls() if url.isLocalFile()]
        if local:
            self.open_path(Path(local[0].toLocalFile()))

    def _ask_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a DICOM or NIfTI folder"):
            self.open_path(Path(folder))

    def _ask_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Open a NIfTI series", "", "NIfTI (*.nii *.nii.gz)")
        if file:
            self.open_path(Path(file))

    def _offer(self, infos: tuple[SeriesInfo, ...], chosen: Path) -> None:
        self._infos = infos
        self.table.setRowCount(len(infos))
        candidates = [info for info in infos if info.role == _AS_DWI and info.b_values is not None]
        wanted = next((info for info in candidates if info.path == chosen), None)
        if wanted is None and len(candidates) == 1:
            wanted = candidates[0]
        for row, info in enumerate(infos):
            tick = QTableWidgetItem()
            usable = (info.role == _AS_DWI and info.b_values is not None) or info.role == _AS_ANATOMY
            tick.setFlags(
                Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled
                if usable
                else Qt.ItemFlag.NoItemFlags
            )
            ticked = info is wanted or (info.role == _AS_ANATOMY and chosen.is_dir() and wanted is not None)
            tick.setCheckState(Qt.CheckState.Checked if usable and ticked else Qt.CheckState.Unchecked)
            self.table.setItem(row, 0, tick)
            for column, text in enumerate(_cells(info), start=1):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                self.table.setItem(row, column, item)
        self.load_button.setEnabled(bool(candidates))
        self.summary.setText(
            f"{len(infos)} series found." if candidates else "No diffusion series with known b-values here."
        )

    def _show(self, scan: LoadedScan) -> None:
        self.room.show_scan(scan.series, scan.anatomy)

    def _on_failed(self, error: DwiError) -> None:
        self.summary.setText(str(error))
        tell_error(error)

    def _describe(self) -> None:
        series = self.room.series
        if series is None:
            return
        x, y, z = series.grid.shape
        lines = [
            f"{series.name}: {x} x {y} x {z}, {len(series.b_values)} volumes",
            f"b = {series.b_values} s/mm² ({series.b_values.origin})",
            "radiological view: the patient's left is on the right of the screen"
            if series.grid.orientation_known
            else "ORIENTATION UNKNOWN: left and right cannot be told in this file",
        ]
        images: list[DwiSeries | Volume] = [series, *self.room.anatomy]
        for image in images:
            lines += [f"{image.name}: {note}" for note in image.notes]
        self.summary.setText("\n".join(lines))


def load_scan(path: Path, anatomy: list[Path], progress: Progress) -> LoadedScan:
    """Open a series and bring its anatomy onto its grid."""
    steps = 1 + len(anatomy)
    progress.report(0.0, "reading the series")
    series = open_series(path, check=progress.check)
    volumes = []
    for step, file in enumerate(anatomy, start=1):
        progress.report(step / steps, "reading and resampling anatomy")
        volumes.append(resample_to(open_volume(file, check=progress.check), series.grid))
    return LoadedScan(series, tuple(volumes))


def _listed(path: Path, progress: Progress) -> tuple[SeriesInfo, ...]:
    progress.check()
    if path.is_file():
        own = list_series(path)
        others = [info for info in list_series(path.parent) if info.path != path and info.role == _AS_ANATOMY]
        return (*own, *others)
    return list_series(path)


def _cells(info: SeriesInfo) -> tuple[str, ...]:
    b_values = ""
    if info.role == _AS_DWI:
        b_values = "unknown"
        if info.b_values is not None:
            b_values = " ".join(format_b_value(b) for b in sorted(set(info.b_values)))
    return (
        info.description,
        info.role,
        " x ".join(str(n) for n in info.shape),
        " x ".join(f"{mm:.3g}" for mm in info.spacing_mm),
        b_values,
        "; ".join(info.warnings),
    )
