"""The Train dock: pairs of scans, training a network on them, and searching for better settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QTabWidget

from napari_dwi.gui.dock import Dock
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.pair_browser import PairBrowser
from napari_dwi.gui.pair_desk import PairDesk
from napari_dwi.gui.training_tab import TrainingTab

if TYPE_CHECKING:
    import napari


class TrainingDock(Dock):
    """Make a super-resolution network of one's own, in three steps."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer, "Train", "train")
        self.desk = PairDesk(self.room)
        self.pairs = PairBrowser(self.room, self.desk)
        self.training = TrainingTab(self.room, self.desk)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.pairs, "1 Pairs")
        self.tabs.addTab(self.training, "2 Train")
        self.content.addWidget(self.tabs, 1)
        self.job_rows = JobRows(self.room.queue)
        # Outside of what scrolls: Stop must be in sight.
        self.outer.addWidget(self.job_rows)
