"""The Train dock: pairs of scans, training a network on them, searching for better settings, and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QTabBar, QWidget

from napari_dwi.gui.dock import Dock
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.pair_browser import PairBrowser
from napari_dwi.gui.pair_desk import PairDesk
from napari_dwi.gui.score_tab import ScoreTab
from napari_dwi.gui.search_tab import SearchTab
from napari_dwi.gui.training_tab import TrainingTab

if TYPE_CHECKING:
    import napari

    from napari_dwi.superres.search.trials import TrialRecord


class TrainingDock(Dock):
    """Make a super-resolution network of one's own, and see what it is worth."""

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__(napari_viewer, "Train", "train")
        self.desk = PairDesk(self.room)
        self.pairs = PairBrowser(self.room, self.desk)
        self.training = TrainingTab(self.room, self.desk)
        self.search = SearchTab(self.room, self.desk, self.training.form)
        self.score = ScoreTab(self.room, self.desk)
        self.search.further.connect(self._train_further)
        # No QTabWidget, which makes every tab as high as the highest.
        self.tabs = QTabBar()
        self.content.addWidget(self.tabs)
        self.pages = {
            "1 Pairs": self.pairs,
            "2 Train": self.training,
            "3 Search": self.search,
            "4 Score": self.score,
        }
        for name, page in self.pages.items():
            self.tabs.addTab(name)
            self.content.addWidget(page, 1)
        self.tabs.currentChanged.connect(self._on_tab)
        self._on_tab(0)
        self.job_rows = JobRows(self.room.queue)
        # Outside of what scrolls: Stop must be in sight.
        self.outer.addWidget(self.job_rows)

    def show_page(self, page: QWidget) -> None:
        """Bring one of the parts to the front."""
        self.tabs.setCurrentIndex(list(self.pages.values()).index(page))

    def _on_tab(self, index: int) -> None:
        for n, page in enumerate(self.pages.values()):
            page.setVisible(n == index)

    def _train_further(self, trial: TrialRecord) -> None:
        self.training.train_further(trial)
        self.show_page(self.training)
