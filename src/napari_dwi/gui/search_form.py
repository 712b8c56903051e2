"""What a search begins with: what varies, how many trials, and where it is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QSpinBox, QWidget

from napari_dwi.gui.form import narrow
from napari_dwi.gui.path_line import PathLine
from napari_dwi.methods.device import DEVICES
from napari_dwi.methods.strict_json import to_json
from napari_dwi.superres.search.config import SEARCH, SearchSpace

# The networks of the paper are for a graphics card; these are for anything.
_SMALL = SearchSpace(widths=((8, 16, 32), (16, 32, 64), (32, 64, 128)))
_NETWORK_STAYS: dict[str, Any] = {"widths": (), "down": (), "up": (), "activation": (), "residual": ()}
_SPACES = {
    "training and small networks": _SMALL,
    "training and networks, as in the paper": SearchSpace(),
    "training alone": replace(SearchSpace(), **_NETWORK_STAYS),
}
_MOST_TRIALS, _MOST_PROCESSES, _MOST_EPOCHS = 100_000, 256, 1_000_000


class SearchForm(QWidget):
    """Asks for a search; ``changed`` tells that another folder is named."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.space_box = QComboBox()
        self.space_box.addItems(list(_SPACES))
        narrow(self.space_box)
        self.space_box.setToolTip(
            "What varies between trials: loss, optimiser, learning rate and its schedule, batch size; and "
            "widths, ways down and up, activation and residual of the network, unless it is fine-tuned. All "
            "else is as in the Train tab"
        )
        self.trials_box = _number(
            30, _MOST_TRIALS, "How many trials there are in the end, those given up included"
        )
        self.epochs_box = _number(20, _MOST_EPOCHS, "How long each trial is trained, in epochs, at most")
        self.processes_box = _number(
            1, _MOST_PROCESSES, "How many trials run at once; they share the CPU cores"
        )
        self.device_box = QComboBox()
        self.device_box.addItems(DEVICES)
        self.device_box.setToolTip("auto takes the graphics card if there is one")
        self.folder = PathLine(
            "Folder of the search: its settings, a run folder for each trial, the best network. A search "
            "that was stopped goes on in its folder",
            ("folder",),
        )
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("what varies", self.space_box)
        form.addRow("trials", self.trials_box)
        form.addRow("epochs each", self.epochs_box)
        form.addRow("processes", self.processes_box)
        form.addRow("compute on", self.device_box)
        form.addRow("search folder", self.folder)
        self.folder.changed.connect(self.changed.emit)

    @property
    def goes_on(self) -> bool:
        """Whether the folder holds a search already; then only the number of trials can change."""
        return self.folder.path is not None and (self.folder.path / SEARCH).exists()

    def config(self, run: dict[str, Any]) -> dict[str, Any]:
        """What a file for `napari-dwi search` says of a new search.

        Parameters
        ----------
        run : dict
            What a file for `napari-dwi train superres` says of the run that is varied.
        """
        space = _SPACES[self.space_box.currentText()]
        if run.get("start"):
            space = replace(space, **_NETWORK_STAYS)
        training = run.get("training", {}) | {"epochs": self.epochs_box.value()}
        return {
            "run": run | {"training": training},
            "space": to_json(space),
            "trials": self.trials_box.value(),
        }

    def show_search(self, folder: Path, trials: int) -> None:
        """Show the folder of a search and how many trials it is to have."""
        self.trials_box.setValue(trials)
        self.folder.set_path(folder)

    def lock(self) -> None:
        """Let nothing be chosen that the folder has settled."""
        for box in (self.space_box, self.epochs_box):
            box.setEnabled(not self.goes_on)


def _number(value: int, most: int, help: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(1, most)
    box.setValue(value)
    box.setToolTip(help)
    return box
