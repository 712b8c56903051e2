"""What a training run begins with: which settings, which network, how, and where it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QComboBox, QFormLayout, QVBoxLayout, QWidget

from napari_dwi.errors import BadInputError
from napari_dwi.gui.form import ParameterForm, narrow
from napari_dwi.gui.path_line import PathLine
from napari_dwi.gui.training_choices import NETWORK, TrainingChoices
from napari_dwi.methods.device import DEVICES
from napari_dwi.superres.training.presets import PRESETS, RECOMMENDED
from napari_dwi.superres.training.run_config import SHIPPED

if TYPE_CHECKING:
    from napari_dwi.superres.training.run_config import RunConfig

_FINE_TUNE, _SCRATCH, _OTHER = range(3)
_STARTS = (
    "the shipped network (fine-tuning)",
    "nothing (from scratch)",
    "a network of mine (fine-tuning)",
)


class TrainingForm(QWidget):
    """Everything that can be chosen for a run; the pairs come from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.preset_box = QComboBox()
        self.preset_box.addItems(list(PRESETS))
        self.preset_box.setToolTip(
            "Named settings, those of the paper before and after its search among them; each fills the form"
        )
        self.start_box = QComboBox()
        self.start_box.addItems(_STARTS)
        self.start_box.setToolTip(
            "Fine-tuning needs fewer pairs and fewer epochs; the network then stays as wide as it is"
        )
        narrow(self.start_box)
        self.start_file = PathLine("A trained network (.safetensors with its .json)")
        self.folder = PathLine(
            "Folder of the run: settings, losses, previews and the network. A run that was stopped goes on "
            "in its folder",
            ("folder",),
        )
        self.device_box = QComboBox()
        self.device_box.addItems(DEVICES)
        self.device_box.setToolTip("auto takes the graphics card if there is one")
        above = QFormLayout()
        above.addRow("settings", self.preset_box)
        above.addRow("start from", self.start_box)
        above.addRow("", self.start_file)
        self._place = QVBoxLayout()
        below = QFormLayout()
        below.addRow("compute on", self.device_box)
        below.addRow("run folder", self.folder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (above, self._place, below):
            layout.addLayout(part)
        self.form: ParameterForm | None = None
        self._on_preset(RECOMMENDED)
        self.preset_box.currentTextChanged.connect(self._on_preset)
        self.start_box.currentIndexChanged.connect(self._on_start)
        self._on_start()

    def config(self, pairs: Path | None) -> dict[str, Any]:
        """What a file for `napari-dwi train superres` says of this run.

        Raises
        ------
        BadInputError
            If something is missing, or values do not go together.
        """
        if pairs is None:
            raise BadInputError("there are no pairs to learn from", remedy="Open a store of pairs first.")
        said = self._choices().as_config(with_network=self._is_from_scratch)
        return said | {
            "pairs": str(pairs.resolve()),
            "preset": self.preset_box.currentText(),
            "start": self._start(),
        }

    def show_config(self, config: RunConfig, folder: Path) -> None:
        """Show what a run was begun with."""
        self.preset_box.setCurrentText(config.preset)
        if config.start in ("", SHIPPED):
            self.start_box.setCurrentIndex(_FINE_TUNE if config.start else _SCRATCH)
        else:
            self.start_with(Path(config.start))
        self._make_form(TrainingChoices.of(config.network, config.training, config.split))
        self.folder.set_path(folder)

    def start_with(self, network: Path) -> None:
        """Go on from a network of one's own."""
        self.start_box.setCurrentIndex(_OTHER)
        self.start_file.set_path(network)

    @property
    def _is_from_scratch(self) -> bool:
        return self.start_box.currentIndex() == _SCRATCH

    def _start(self) -> str:
        if self.start_box.currentIndex() != _OTHER:
            return "" if self._is_from_scratch else SHIPPED
        if (path := self.start_file.path) is None:
            raise BadInputError("no network to start from is named", expected="a .safetensors file")
        return str(path.resolve())

    def _choices(self) -> TrainingChoices:
        if self.form is None or not isinstance(choices := self.form.values(), TrainingChoices):
            raise TypeError("this form asks for something else")
        return choices

    def _on_preset(self, preset: str) -> None:
        self._make_form(TrainingChoices.of(*PRESETS[preset]))

    def _on_start(self) -> None:
        self.start_file.setVisible(self.start_box.currentIndex() == _OTHER)
        try:
            choices = self._choices()
        except BadInputError:
            # Half typed: the preset will do.
            choices = TrainingChoices.of(*PRESETS[self.preset_box.currentText()])
        self._make_form(choices)

    def _make_form(self, choices: TrainingChoices) -> None:
        """Make the form anew; a network that is gone on from has nothing to be chosen."""
        if self.form is not None:
            self._place.removeWidget(self.form)
            # Its end comes with the next turn of the event loop; until then it would lie over the new.
            self.form.hide()
            self.form.deleteLater()
        self.form = ParameterForm(choices, (), () if self._is_from_scratch else NETWORK)
        self._place.addWidget(self.form)
