from __future__ import annotations

import os
import time

import numpy as np
import pytest

from napari_dwi.errors import BadInputError, MethodFailedError, Stopped
from napari_dwi.methods.killable import call_killable
from napari_dwi.methods.progress import Progress

LONG = 1.0


class StopAfter:
    """Asks to stop from a number of looks on."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_the_result_comes_back_from_another_process() -> None:
    assert call_killable(os.getpid, progress=Progress(), seconds=LONG) != os.getpid()
    product = call_killable(np.outer, np.arange(3.0), np.ones(2), progress=Progress(), seconds=LONG)
    np.testing.assert_array_equal(product, np.outer(np.arange(3.0), np.ones(2)))


def test_short_calls_are_made_right_here() -> None:
    assert call_killable(os.getpid, progress=Progress(), seconds=0.01) == os.getpid()


def test_a_stop_ends_a_call_that_would_never_end() -> None:
    with pytest.raises(Stopped):
        call_killable(time.sleep, 10_000.0, progress=Progress(stop_asked=StopAfter(3)), seconds=LONG)


def test_nothing_begins_after_a_stop() -> None:
    with pytest.raises(Stopped):
        call_killable(os.getpid, progress=Progress(stop_asked=StopAfter(0)), seconds=0.0)


def test_errors_are_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        call_killable(divmod, 1, 0, progress=Progress(), seconds=LONG)
    with pytest.raises(BadInputError, match="never") as caught:
        call_killable(_refuse, progress=Progress(), seconds=0.0)
    assert caught.value.remedy == "Ask another."


def test_a_process_that_dies_is_one_clear_error() -> None:
    with pytest.raises(MethodFailedError, match="ended without a result; found exit code 3"):
        call_killable(os._exit, 3, progress=Progress(), seconds=LONG)


def test_what_is_printed_does_not_disturb_the_answer() -> None:
    assert call_killable(print, "as libraries do", progress=Progress(), seconds=LONG) is None


def _refuse() -> None:
    raise BadInputError("never", remedy="Ask another.")
