"""Real scans, loaded as a user does it."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import open_dock
from .test_scan_dock import names, names_listed, ticked


@pytest.fixture
def dock(visible_viewer):
    return open_dock(visible_viewer, "Scan")


def test_t2_and_trace_series_of_one_dicom_folder_load_with_one_click(dock, shared_data, idle, errors):
    dock.open_path(shared_data / "prostatex_0218_t2_and_trace_dicom")
    idle(dock.room)
    assert names_listed(dock) == ["t2_tse_tra_320_p2", "ep2d-advdiff-3Scan-4bval_spair_511b"]
    assert ticked(dock) == [True, True]
    sizes = [dock.table.item(row, 2).text() for row in (0, 1)]
    assert sizes[0].startswith("320×320×20")
    assert sizes[1].startswith("160×130×20 · 4 vol")
    assert dock.table.item(1, 3).text() == "0 100 400 800"
    shares = [dock.table.item(row, 4).text() for row in (0, 1)]
    assert shares[0].endswith(" %")
    assert shares[1] == ""
    dock.load_button.click()
    idle(dock.room)
    assert names(dock) == ["DWI", "t2_tse_tra_320_p2", "Regions"]
    assert dock.room.series.b_values.distinct == (0, 100, 400, 800)
    # What the table promised is what was found on loading.
    loaded = np.isfinite(dock.room.anatomy[0].data).mean()
    assert int(shares[0].split()[0]) / 100 == pytest.approx(loaded, abs=0.03)
    assert dock.room.letters.letters == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert not errors()


def test_directions_of_a_spinal_cord_become_trace_weighted(dock, shared_data, idle):
    dock.open_path(shared_data / "spinalcord_dmri")
    idle(dock.room)
    dock.load_button.click()
    idle(dock.room)
    assert dock.on_show.volume_box.currentText() == "trace-weighted (geometric mean)"
    assert len(dock.room.series.b_values) == 2
    assert len(dock.room.acquired.b_values) == 7
