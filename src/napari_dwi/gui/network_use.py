"""A trained network, handed to the Super-resolve dock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_dwi.errors import DwiError
from napari_dwi.gui.messages import tell, tell_error
from napari_dwi.gui.superres_dock import SuperresDock
from napari_dwi.methods.strict_json import from_json
from napari_dwi.scan.json_files import read_json
from napari_dwi.superres.training.config import NetworkConfig

if TYPE_CHECKING:
    from napari_dwi.gui.room import ReadingRoom

_AT_ONCE, _ON_A_PATH = "network", "anchored-path"


def use_network(room: ReadingRoom, path: Path) -> None:
    """Open the Super-resolve dock with a network picked.

    Parameters
    ----------
    room : ReadingRoom
        In whose window.
    path : Path
        The file of its weights; the JSON lies beside it.
    """
    beside = path.with_suffix(".json")
    try:
        config = from_json(NetworkConfig, read_json(beside).get("Network"), beside)
    except DwiError as err:
        tell_error(err)
        return
    _, dock = room.viewer.window.add_plugin_dock_widget("napari-dwi", "Super-resolve", tabify=True)
    if not isinstance(dock, SuperresDock):
        raise TypeError("the Super-resolve dock did not open")
    dock.pick(_AT_ONCE if config.path is None else _ON_A_PATH)
    if dock.form is not None:
        values = dock.method.settings().as_dict() | {"checkpoint": str(path), "factor": config.factor}
        dock.form.set_values(dock.method.parameters.from_values(values))
    tell(f"the Super-resolve dock uses {path.parent.name}")
