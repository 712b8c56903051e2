"""The Scan dock: open a folder or a file, see what is in it, load a scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton

from napari_dwi.errors import DwiError
from napari_dwi.gui.b_value_dialog import BValueDialog
from napari_dwi.gui.dock import Dock
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.jobs import Job
from napari_dwi.gui.loading import LoadedScan, Loading, is_series, is_volume, look_through, unlabelled
from napari_dwi.gui.messages import tell_error
from napari_dwi.gui.questions import ask_allowance
from napari_dwi.gui.scan_changes import change_series, may_change_volumes
from napari_dwi.gui.scan_on_show import ScanOnShow
from napari_dwi.gui.series_table import SeriesTable
from napari_dwi.gui.session_buttons import SessionButtons
from napari_dwi.gui.session_files import open_session_folder
from napari_dwi.gui.volume_choice import usual_choice
from napari_dwi.methods.session import SESSION_FILE
from napari_dwi.scan import DwiSeries, SeriesInfo
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.formats import all_formats
from napari_dwi.scan.unlabelled import UnknownBValuesError

if TYPE_CHECKING:
    import napari

_ARCHIVES = ("*.zip", "*.tar", "*.tar.gz", "*.tgz")
_DICOM = ("*.dcm", "*.ima", "DICOMDIR")
# The series table needs it to be read at a glance.
_WIDTH_PIXELS = 490
_WELCOME = "Open a folder or a file, or drop it here."


class ScanDock(Dock):
    """Open a DICOM folder or an image file, choose the series and the anatomy, and load them."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer, "Scan", "scan")
        self.setMinimumWidth(_WIDTH_PIXELS)
        self._waiting: tuple[Loading, UnknownBValuesError] | None = None
        self._loading: Job | None = None
        self.folder_button = QPushButton("Open folder…")
        self.folder_button.setToolTip(
            "A DICOM folder, or a folder with image files; dropping it here works too"
        )
        self.folder_button.clicked.connect(self._ask_folder)
        self.file_button = QPushButton("Open file…")
        self.file_button.setToolTip(
            "An image file, a DICOM file with the rest of its folder, or a zipped folder"
        )
        self.file_button.clicked.connect(self._ask_file)
        buttons = QHBoxLayout()
        buttons.addWidget(self.folder_button)
        buttons.addWidget(self.file_button)
        self.content.addLayout(buttons)
        self.table = SeriesTable()
        self.table.chosen_changed.connect(self._on_chosen)
        self.table.b_values_clicked.connect(self._on_b_values_clicked)
        self.content.addWidget(self.table)
        self.load_button = QPushButton("Load")
        self.load_button.setStyleSheet("font-weight: bold")
        self.load_button.clicked.connect(self.load_ticked)
        self.content.addWidget(self.load_button)
        self.content.addWidget(JobRows(self.room.queue))
        self.summary = QLabel(_WELCOME)
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.content.addWidget(self.summary)
        self.fill_in_button = QPushButton("Fill in the b-values…")
        self.fill_in_button.clicked.connect(self._ask_waiting)
        self.fill_in_button.hide()
        self.content.addWidget(self.fill_in_button)
        self.on_show = ScanOnShow(self.room)
        self.on_show.b_values_wanted.connect(self.edit_b_values)
        self.on_show.anatomy_wanted.connect(self._ask_anatomy)
        self.content.addWidget(self.on_show)
        self.content.addWidget(SessionButtons(self.room))
        self.content.addStretch(1)
        self.setAcceptDrops(True)
        self.room.scan_changed.connect(self._on_scan)
        self.room.queue.changed.connect(self._on_chosen)
        self._on_scan()

    def open_path(self, path: Path) -> None:
        """List what a path holds; a file's neighbours are offered as anatomy. Sessions are opened."""
        if (path / SESSION_FILE).is_file():
            open_session_folder(self.room, path, self)
            return
        self.room.submit(
            f"Looking through {path.name}",
            lambda progress: look_through(path, progress),
            lambda infos: self._offer(infos, path),
            self._on_failed,
        )

    def load_ticked(self) -> None:
        """Load the ticked series with the ticked volumes, or add these to the scan on show."""
        series, others = self.table.series, self.table.others
        if series is not None:
            if self.room.may_replace(self):
                self._load(Loading(series, others))
        elif others and self.room.series is not None:
            self._load(Loading(None, others, onto=self.room.series))

    def add_anatomy(self, path: Path) -> None:
        """Bring an image onto the grid of the scan on show; of several, let the user choose."""
        self.room.submit(
            f"Looking at {path.name}",
            lambda progress: look_through(path, progress),
            lambda infos: self._on_anatomy(infos, path),
            self._on_failed,
        )

    def edit_b_values(self) -> None:
        """Show the b-values of the series as read, for the user to change them."""
        acquired = self.room.acquired
        if acquired is None:
            return
        dialog = BValueDialog(self, unlabelled(acquired), "change what is wrong")
        dialog.accepted.connect(lambda: self._change_b_values(acquired, dialog.series()))
        dialog.open()

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
        if folder := QFileDialog.getExistingDirectory(self, "Open a folder with images"):
            self.open_path(Path(folder))

    def _ask_file(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Open an image or a zipped folder", "", file_filter())
        if file:
            self.open_path(Path(file))

    def _ask_anatomy(self) -> None:
        file, _ = QFileDialog.getOpenFileName(self, "Add anatomy", "", file_filter())
        if file:
            self.add_anatomy(Path(file))

    def _offer(self, infos: tuple[SeriesInfo, ...], chosen: Path) -> None:
        self.table.offer(infos, chosen)
        candidates = sum(map(is_series, infos))
        advice = (
            "" if self.table.series or candidates < 2 else f" Tick one of the {candidates} diffusion series."
        )
        self._say(f"{len(infos)} series found in {chosen.name}.{advice}")

    def _on_anatomy(self, infos: tuple[SeriesInfo, ...], path: Path) -> None:
        here = [info for info in infos if info.path == path and is_volume(info)]
        if here and self.room.series is not None:
            self._load(Loading(None, tuple(here), onto=self.room.series))
        else:
            self._offer(infos, path)
            self._say("Tick the anatomy to add.")

    def _load(self, loading: Loading) -> None:
        self._forget_waiting()
        self._loading = self.room.submit(
            loading.title, loading.run, self._show, lambda error: self._on_load_failed(loading, error)
        )
        self._on_chosen()

    def _show(self, scan: LoadedScan) -> None:
        self._say("")
        if scan.series is None or scan.choice is None:
            series = self.room.series
            if series is not None and all(volume.grid.same_as(series.grid) for volume in scan.others):
                self.room.add_anatomy(scan.others)
            return
        self.room.show_scan(scan.series, scan.others, acquired=scan.acquired, choice=scan.choice)

    def _on_load_failed(self, loading: Loading, error: DwiError) -> None:
        if isinstance(error, UnknownBValuesError):
            self._waiting = loading, error
            self.room.stay_empty(
                f"The b-values of {error.series.name} are not known yet: fill them in in the Scan dock first."
            )
            self._say(
                f"{error.series.name} is not loaded yet: {error.what}."
                " Nothing can be fitted or denoised before its b-values are filled in."
            )
            self.fill_in_button.show()
            self._ask_waiting()
        elif error.offers:

            def go_on(allowance: Allowance) -> None:
                loading.allow(allowance)
                self._load(loading)

            self._say(str(error))
            ask_allowance(self, error, go_on, lambda: self._say(f"Not loaded. {error}"))
        else:
            self._on_failed(error)

    def _ask_waiting(self) -> None:
        if self._waiting is None:
            return
        loading, error = self._waiting
        dialog = BValueDialog(self, error.series, error.what)

        def go_on() -> None:
            loading.give_series(dialog.series())
            self._load(loading)

        dialog.accepted.connect(go_on)
        dialog.open()

    def _forget_waiting(self) -> None:
        self._waiting = None
        self.fill_in_button.hide()

    def _change_b_values(self, acquired: DwiSeries, changed: DwiSeries) -> None:
        same = changed.b_values.values.tolist() == acquired.b_values.values.tolist()
        if same or acquired is not self.room.acquired or not may_change_volumes(self.room, self):
            return
        choice = self.room.choice
        change_series(self.room, changed, choice if choice.suits(changed) else usual_choice(changed))

    def _on_b_values_clicked(self, info: SeriesInfo) -> None:
        acquired = self.room.acquired
        if acquired is not None and acquired.source is not None and acquired.source.path == info.path:
            self.edit_b_values()
        elif self.room.may_replace(self):
            self._load(Loading(info, self.table.others, ask_b_values=True))

    def _on_failed(self, error: DwiError) -> None:
        self._say(str(error))
        tell_error(error)

    def _on_chosen(self) -> None:
        series, others = self.table.series, self.table.others
        adds = series is None and bool(others)
        self.load_button.setText("Add to the scan on show" if adds and self.room.series else "Load")
        busy = self._loading is not None and not self._loading.is_over
        ready = series is not None or (adds and self.room.series is not None)
        self.load_button.setEnabled(ready and not busy)
        if busy:
            help_text = "Something is being loaded"
        elif ready:
            help_text = "Show the ticked series; ticked anatomy and maps are brought onto its grid"
        elif adds:
            help_text = "Tick a diffusion series too: anatomy is shown on its grid"
        else:
            help_text = "Tick a diffusion series first"
        self.load_button.setToolTip(help_text)

    def _say(self, text: str) -> None:
        self.summary.setText(text)
        self.summary.setVisible(bool(text))

    def _on_scan(self) -> None:
        series = self.room.series
        self.table.meet(None if series is None else series.grid)
        if series is not None and self.summary.text() == _WELCOME:
            self._say("")
        self._on_chosen()


def file_filter() -> str:
    """The kinds of file that can be opened, for the file dialog of the desktop."""
    kinds = {one.name: [f"*{suffix}" for suffix in one.suffixes] for one in all_formats() if one.suffixes}
    kinds |= {"DICOM": list(_DICOM), "Zipped folders": list(_ARCHIVES)}
    everything = " ".join(dict.fromkeys(pattern for patterns in kinds.values() for pattern in patterns))
    each = [f"{name} ({' '.join(patterns)})" for name, patterns in kinds.items()]
    return ";;".join((f"All images ({everything})", *each, "All files (*)"))
