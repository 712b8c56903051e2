from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QLineEdit

from napari_dwi.errors import BadInputError
from napari_dwi.gui.b_value_checks import doubt_about, parse_b_values, previews_of
from napari_dwi.gui.b_value_dialog import BValueDialog
from napari_dwi.gui.b_value_table import BValueTable
from napari_dwi.scan import BValues, Grid
from napari_dwi.scan.unlabelled import UnlabelledSeries

from .builder import answering, named

B_COLUMN = 3


def volumes(*b_values: float | None, decay: float = 1e-3) -> UnlabelledSeries:
    """Volumes whose signal falls from one to the next as b rises by 100 s/mm2."""
    n = len(b_values)
    signal = 1000 * np.exp(-decay * 100 * np.arange(n)) * np.ones((6, 5, 4, 1))
    return UnlabelledSeries(signal.astype(np.float32), Grid((6, 5, 4), np.eye(4), "sform"), b_values, "scan")


@pytest.fixture
def dialog(qtbot):
    """Four volumes, of which only the second has a b-value."""
    dialog = BValueDialog(None, volumes(None, 100.0, None, None), "they are not known")
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def click(dialog, row):
    """Click the b-value of a volume."""
    place = dialog.table.visualItemRect(dialog.table.item(row, B_COLUMN)).center()
    QTest.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def type_in(dialog, row, text):
    """Type into a cell and leave the editor open."""
    click(dialog, row)
    QTest.keyClicks(dialog.table, text[0])
    # The editor of the cell before may still be there.
    QTest.keyClicks(dialog.table.findChildren(QLineEdit)[-1], text[1:])


def highlighted(dialog):
    rows = range(dialog.table.rowCount())
    return [dialog.table.item(row, B_COLUMN).background().style() != Qt.BrushStyle.NoBrush for row in rows]


def test_volumes_without_a_b_value_are_highlighted_and_nothing_can_be_accepted_before_all_have_one(dialog):
    assert highlighted(dialog) == [True, False, True, True]
    assert not dialog.ok_button.isEnabled()
    assert "volume 1, 3, 4" in dialog.problem.text()
    for row, text in ((0, "0"), (2, "200"), (3, "300.5")):
        type_in(dialog, row, text)
    assert not any(highlighted(dialog))
    assert dialog.ok_button.isEnabled()
    assert dialog.counts.text() == "b (volumes): 0 (1), 100 (1), 200 (1), 300.5 (1) s/mm²"
    series = dialog.series()
    assert series.b_values.values.tolist() == [0, 100, 200, 300.5]
    assert series.b_values.origin == "typed by the user"


def test_what_is_typed_is_judged_at_once_and_letters_are_not_taken(dialog):
    type_in(dialog, 0, "12x-,3")
    assert dialog.table.values()[0] == 123
    assert "volume 3, 4" in dialog.problem.text()


@pytest.mark.parametrize("text", ["0 100 200 300", "0,100,200,300", "0\n100\n200\n300\n", "[0; 100;200;300]"])
def test_a_list_is_pasted_however_it_is_separated(dialog, text):
    QGuiApplication.clipboard().setText(text)
    named(dialog, "Paste list").click()
    assert dialog.table.values() == [0, 100, 200, 300]


def test_a_short_list_goes_in_from_the_current_volume_on_by_the_keyboard(dialog):
    QGuiApplication.clipboard().setText("200 300")
    click(dialog, 2)
    QTest.keyClick(dialog.table, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert dialog.table.values() == [None, 100, 200, 300]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 100 200 300 400", "longer than the volumes"),
        ("0 100 -200 300", "'-200'"),
        ("0 b100", "'b100'"),
        ("0,5 100,0 200,0 300,0", "decimals with a point"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_with_the_reason(dialog, text, said):
    QGuiApplication.clipboard().setText(text)
    named(dialog, "Paste list").click()
    assert said in dialog.problem.text()
    assert dialog.table.values() == [None, 100, None, None]


def test_the_current_value_fills_the_empty_volumes_below(dialog):
    click(dialog, 1)
    named(dialog, "Fill down").click()
    assert dialog.table.values() == [None, 100, 100, 100]


def test_values_in_ms_per_square_micrometre_become_s_per_square_millimetre(dialog):
    dialog.table.paste("0 0.1 0.4 0.8")
    named(dialog, "b in ms/µm² → ×1000").click()
    assert dialog.table.values() == [0, 100, 400, 800]


def test_a_file_is_taken_and_said_to_be_the_origin_until_something_is_typed(dialog, tmp_path, monkeypatch):
    file = tmp_path / "right.bval"
    file.write_text("0 100 200 300\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    named(dialog, "Load from file…").click()
    assert dialog.series().b_values.origin == "typed by the user, from right.bval"
    type_in(dialog, 3, "350")
    assert dialog.series().b_values.origin == "typed by the user"


def test_a_file_for_other_volumes_is_refused_and_one_in_doubtful_units_asked_about(dialog, tmp_path, qtbot):
    file = tmp_path / "other.bval"
    file.write_text("0 100 200\n")
    dialog.load_file(file)
    assert "expected 4 b-values, found 3" in dialog.problem.text()
    file.write_text("0 0.1 0.4 0.8\n")
    with answering("The b-values are in ms/µm²") as asked:
        dialog.load_file(file)
        qtbot.waitUntil(lambda: dialog.table.values() == [0, 100, 400, 800])
    assert len(asked) == 1


def test_signal_that_does_not_fall_with_b_is_doubted_but_taken(dialog):
    dialog.table.paste("300 200 100 0")
    assert "right order" in dialog.hint.text()
    assert dialog.ok_button.isEnabled()
    dialog.table.paste("0 100 200 300")
    assert not dialog.hint.text()


def test_a_single_b_value_makes_no_series(dialog):
    dialog.table.paste("100 100 100 100")
    assert "two different b-values" in dialog.problem.text()
    assert not dialog.ok_button.isEnabled()


def test_pictures_show_the_middle_slices_with_one_window():
    series = volumes(*[None] * 3)
    pictures = previews_of(series).pictures
    assert pictures.shape == (3, 5, 6)
    assert pictures[0].min() > pictures[1].max() > pictures[2].max() > 0
    np.testing.assert_allclose(previews_of(series).means, series.signal[0, 0, 0])


def test_missing_voxels_leave_no_hole_in_the_means():
    series = volumes(None, None)
    series.signal[2:4, :, :, 0] = np.nan
    series.signal[..., 1] = np.inf
    means = previews_of(series).means
    assert means[0] == pytest.approx(1000)
    assert np.isnan(means[1])
    assert not doubt_about([0.0, 100.0], means)


def test_pasted_numbers_keep_their_decimals():
    assert parse_b_values("1.25, 929.75\t.5") == [1.25, 929.75, 0.5]
    with pytest.raises(BadInputError, match="no list of b-values"):
        parse_b_values("")


def test_values_within_tolerance_count_as_one(qtbot):
    table = BValueTable(previews_of(volumes(0.0, 800.0, 800.4)), (0.0, 800.0, 800.4))
    qtbot.addWidget(table)
    assert len(BValues(np.array(table.values())).distinct) == 2
