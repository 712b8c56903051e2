from __future__ import annotations

import threading

import pytest
from qtpy.QtWidgets import QLabel, QProgressBar

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.gui.job_rows import JobRows
from napari_dwi.gui.jobs import Job, JobQueue, JobState

from .builder import named

PATIENCE_SECONDS = 60


class Work:
    """Work that goes on when told to."""

    def __init__(self, outcome=None):
        self.go_on, self.begun = threading.Event(), threading.Event()
        self.outcome = outcome
        self.done, self.failed = [], []

    def __call__(self, progress):
        progress.report(0.25, "halfway to the middle")
        self.begun.set()
        while not self.go_on.wait(0.01):
            progress.check()
        progress.check()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def job(self, title="work"):
        return Job(title, self, self.done.append, self.failed.append)


@pytest.fixture
def queue(qapp):  # noqa: ARG001 - jobs need an application
    queue = JobQueue()
    yield queue
    assert queue.stop_all()


@pytest.fixture
def finished(qtbot, queue):
    return lambda: qtbot.waitUntil(lambda: queue.is_idle and not queue.jobs, timeout=PATIENCE_SECONDS * 1000)


def test_jobs_run_one_after_the_other_in_the_order_asked_for(queue, finished):
    works = [Work("a"), Work("b"), Work("c")]
    order = []
    for work in works:
        queue.submit(Job("work", work, order.append, order.append))
    assert works[0].begun.wait(PATIENCE_SECONDS)
    assert [job.state for job in queue.jobs] == [JobState.RUNNING, JobState.WAITING, JobState.WAITING]
    assert not works[1].begun.is_set()
    # The last may go on first, and still has to wait.
    for work in reversed(works):
        work.go_on.set()
    finished()
    assert order == ["a", "b", "c"]


def test_results_are_handed_over_on_the_gui_thread(queue, finished):
    threads = []
    queue.submit(
        Job(
            "work",
            lambda _: threads.append(threading.current_thread()),
            lambda _: threads.append(threading.current_thread()),
            threads.append,
        )
    )
    finished()
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()


def test_error_a_user_can_act_on_is_handed_over_as_it_is(queue, finished):
    error = BadInputError("no such thing")
    work = Work(error)
    work.go_on.set()
    job = work.job()
    queue.submit(job)
    finished()
    assert work.failed == [error]
    assert not work.done
    assert job.state is JobState.FAILED


def test_unexpected_error_becomes_one_a_user_can_read_and_the_next_job_runs(queue, finished):
    broken, sound = Work(ZeroDivisionError("by zero")), Work("fine")
    for work in (broken, sound):
        work.go_on.set()
        queue.submit(work.job())
    finished()
    (failure,) = broken.failed
    assert isinstance(failure, MethodFailedError)
    assert "ZeroDivisionError: by zero" in str(failure)
    assert isinstance(failure.__cause__, ZeroDivisionError)
    assert sound.done == ["fine"]


def test_stopped_job_gives_neither_result_nor_error(queue, finished):
    stopped, following = Work("lost"), Work("kept")
    job = stopped.job()
    queue.submit(job)
    queue.submit(following.job())
    assert stopped.begun.wait(PATIENCE_SECONDS)
    job.stop()
    assert job.state is JobState.STOPPING
    following.go_on.set()
    finished()
    assert job.state is JobState.STOPPED
    assert not stopped.done
    assert not stopped.failed
    assert following.done == ["kept"]


def test_result_that_came_before_the_stop_was_heard_is_dropped(queue, finished):
    work = Work("late")
    work.go_on.set()
    queue.submit(work.job())
    # The worker may be through by now; nothing is handed over before events are processed.
    queue.jobs[0].stop()
    finished()
    assert not work.done


def test_waiting_job_that_is_stopped_never_begins(queue, finished):
    first, second = Work(), Work()
    queue.submit(first.job())
    waiting = second.job()
    queue.submit(waiting)
    waiting.stop()
    first.go_on.set()
    finished()
    assert not second.begun.is_set()
    assert first.done == [None]
    assert not second.done


def test_stop_all_waits_for_the_worker(queue):
    works = [Work(), Work()]
    for work in works:
        queue.submit(work.job())
    assert works[0].begun.wait(PATIENCE_SECONDS)
    assert queue.stop_all()
    assert queue.is_idle
    assert not works[0].done
    assert not works[1].begun.is_set()


def test_rows_show_how_far_a_job_is_and_stop_it(queue, qtbot, finished):
    rows = JobRows(queue)
    qtbot.addWidget(rows)
    running, waiting = Work(), Work()
    queue.submit(running.job("first"))
    queue.submit(waiting.job("second"))

    def texts():
        return [label.text() for label in rows.findChildren(QLabel)]

    qtbot.waitUntil(lambda: any(text.startswith("halfway to the middle") for text in texts()))
    assert texts()[0] == "first"
    assert "second" in texts()
    assert "waiting" in texts()
    assert [bar.value() for bar in rows.findChildren(QProgressBar)] == [250, 0]
    named(rows, "Stop").click()
    waiting.go_on.set()
    finished()
    assert not running.done
    assert waiting.done
    qtbot.waitUntil(lambda: not rows.findChildren(QProgressBar))
