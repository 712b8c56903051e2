from __future__ import annotations

import pytest

from napari_dwi.errors import Stopped
from napari_dwi.methods.progress import Progress


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[float, str]] = []

    def __call__(self, fraction: float, phrase: str) -> None:
        self.heard.append((fraction, phrase))


def test_parts_nest() -> None:
    listener = Listener()
    second_half = Progress(listener).part(1, 2, "b = 800, ")
    last_fifth = second_half.part(4, 5, "slice 5, ")
    second_half.report(0.0, "starting")
    last_fifth.report(0.0, "first")
    last_fifth.report(0.5, "half way")
    last_fifth.report(1.0, "done")
    fractions = [fraction for fraction, _ in listener.heard]
    assert fractions == pytest.approx([0.5, 0.9, 0.95, 1.0])
    assert listener.heard[0][1] == "b = 800, starting"
    assert listener.heard[2][1] == "b = 800, slice 5, half way"


def test_equal_parts_follow_each_other_without_gap() -> None:
    listener = Listener()
    for index in range(7):
        part = Progress(listener).part(index, 7)
        part.report(0.0, "")
        part.report(1.0, "")
    fractions = [fraction for fraction, _ in listener.heard]
    assert fractions[0] == 0
    assert fractions[-1] == pytest.approx(1)
    assert fractions[1:-1:2] == pytest.approx(fractions[2::2])


@pytest.mark.parametrize(("said", "heard"), [(-0.5, 0.25), (1.5, 0.5)])
def test_a_part_never_leaves_its_bounds(said: float, heard: float) -> None:
    listener = Listener()
    Progress(listener).part(1, 4).report(said, "")
    assert listener.heard == [(pytest.approx(heard), "")]


def test_a_stop_raises_and_is_not_reported() -> None:
    listener = Listener()
    progress = Progress(listener, lambda: True)
    with pytest.raises(Stopped):
        progress.check()
    with pytest.raises(Stopped):
        progress.report(0.5, "on")
    assert listener.heard == []


def test_a_stop_reaches_the_innermost_part() -> None:
    asked = False
    inner = Progress(stop_asked=lambda: asked).part(0, 2).part(1, 3)
    inner.check()
    asked = True
    with pytest.raises(Stopped):
        inner.check()


def test_progress_that_nobody_watches_goes_on() -> None:
    Progress().report(0.5, "alone")
    Progress().check()
