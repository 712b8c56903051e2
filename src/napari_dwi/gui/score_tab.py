"""What a network makes of the pairs: errors, the contrast of regions, and both residuals as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_dwi.errors import BadInputError, DwiError
from napari_dwi.gui.fitted_picture import FittedPicture
from napari_dwi.gui.messages import tell_error
from napari_dwi.gui.path_line import PathLine
from napari_dwi.gui.score_tables import ContrastTable, SummaryTable
from napari_dwi.methods.progress import Progress
from napari_dwi.methods.registry import methods_of
from napari_dwi.superres.pairs.score_report import BACKGROUND, ScoreReport, score_pairs
from napari_dwi.superres.pairs.store import PairStore

if TYPE_CHECKING:
    from napari_dwi.gui.pair_desk import PairDesk
    from napari_dwi.gui.room import ReadingRoom

_FIRST = "network"
_UNSCORED = "Compares what a method makes of every low-resolution scan with both scans of the pair."


class ScoreTab(QWidget):
    """Scores a method on the pairs of a store.

    Parameters
    ----------
    room : ReadingRoom
        Whose queue does the work.
    desk : PairDesk
        The pairs.
    """

    def __init__(self, room: ReadingRoom, desk: PairDesk) -> None:
        super().__init__()
        self._room, self._desk = room, desk
        self._shown: ScoreReport | None = None
        self._make_form()
        self.run_button = QPushButton("Score")
        self.run_button.setStyleSheet("font-weight: bold")
        self.run_button.setToolTip("All pairs of the store, in the background")
        self.run_button.clicked.connect(self.run)
        self.report = QLabel(_UNSCORED)
        self.report.setWordWrap(True)
        self.summary = SummaryTable()
        self.summary.picked.connect(self._on_picked)
        self.contrast = ContrastTable()
        self.picture = FittedPicture()
        self.picture.setToolTip(
            "High minus low resolution (zero-filled) on the left, high minus what was made of it on the "
            "right, on one scale: black is no difference, orange brighter in the high-resolution scan, blue "
            "darker. What looks like anatomy is missing or was made up"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.addLayout(self.form)
        for widget in (self.run_button, self.report, self.summary, self.contrast, self.picture):
            layout.addWidget(widget)
        layout.addStretch()
        for widget in (self.summary, self.contrast, self.picture):
            widget.hide()

    def run(self) -> None:
        """Score the pairs that are open."""
        method = self.methods[self.method_box.currentIndex()]
        try:
            store, out = self._desk.store, self.out.path
            if store is None:
                raise BadInputError("there are no pairs to score", remedy="Open a store under 1 Pairs.")
            if out is None:
                raise BadInputError("the scores need a folder", remedy="Name one under results folder.")
            settings = {} if self.network.path is None else {"checkpoint": str(self.network.path.resolve())}
            if settings and "checkpoint" not in method.settings().as_dict():
                raise BadInputError(f"{method.title} uses no network", remedy="Leave the network empty.")
        except DwiError as err:
            tell_error(err)
            return
        regions, background = self.regions.path, self.background.text().strip() or BACKGROUND

        def work(progress: Progress) -> ScoreReport:
            return score_pairs(
                PairStore(store),
                method,
                settings,
                out,
                progress,
                regions_folder=regions,
                background=background,
            )

        said = f"{method.title} on {store.name}, written to {out.name}."
        self._room.submit(
            f"Scoring {store.name}",
            work,
            lambda report: self._show(report, said),
            kept="tables and images of finished pairs are kept",
        )

    def _make_form(self) -> None:
        self.methods = methods_of("superres")
        self.method_box = QComboBox()
        self.method_box.addItems([method.title for method in self.methods])
        self.method_box.setCurrentIndex([method.name for method in self.methods].index(_FIRST))
        self.method_box.setToolTip("What makes fine slices of the low-resolution scans")
        self.network = PathLine("network.safetensors of a run; if left empty, the one that comes along")
        self.regions = PathLine(
            "Regions for CNR: a label image with the name of each pair (M1-axial.nii.gz), the names of its "
            "regions in the .json beside it, as the Regions dock saves them; drawn on either scan. May be "
            "left empty",
            ("folder",),
        )
        self.background = QLineEdit(BACKGROUND)
        self.background.setToolTip(
            "The region CNR is taken against: (mean of the region - mean of the background) / its SD"
        )
        self.out = PathLine("Where tables, pictures and images are written", ("folder",))
        self.form = QFormLayout()
        self.form.addRow("method", self.method_box)
        self.form.addRow("network", self.network)
        self.form.addRow("regions", self.regions)
        self.form.addRow("background", self.background)
        self.form.addRow("results folder", self.out)

    def _show(self, report: ScoreReport, words: str) -> None:
        self._shown = report
        if report.without_regions:
            words += f" No regions for {', '.join(report.without_regions)}."
        if report.learnt_from:
            words += f" The network has learnt from {', '.join(report.learnt_from)}, whose scores flatter it."
        self.report.setText(words)
        self.contrast.show_rows(report.contrasts)
        self.contrast.setVisible(bool(report.contrasts))
        self.summary.setVisible(bool(report.scores))
        self.summary.show_rows(report.summary)

    def _on_picked(self, name: str) -> None:
        if self._shown is not None:
            self.picture.show_file(self._shown.pictures[name])
