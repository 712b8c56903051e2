from __future__ import annotations

import pytest

from napari_dwi.text import brief, duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (3900, "1 h 05 min")],
)
def test_a_span_of_time_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (1.2345, "1.23"), (-0.00123, "-0.00123"), (211_034.0, "211034"), (99.96, "100")],
)
def test_a_number_has_three_digits_or_all_that_matter(number: float, said: str) -> None:
    assert brief(number) == said
