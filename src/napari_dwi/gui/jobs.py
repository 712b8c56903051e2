"""Long work in the background: one job at a time, the others wait their turn.

A job computes on a worker thread and touches no layer; what it gave is handed over on the GUI
thread. Its progress is read from the GUI thread twice a second, so that a method may report as
often as it likes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from napari.qt.threading import FunctionWorker, create_worker
from psygnal import Signal
from qtpy.QtCore import QCoreApplication, QEventLoop, QTimer

from napari_dwi.errors import DwiError, MethodFailedError, Stopped
from napari_dwi.methods.progress import Progress

NOTHING_KEPT = "nothing of it is kept"

_POLL_MS = 500
_PATIENCE_SECONDS = 5.0
_LONG_PATIENCE_SECONDS = 60.0


class JobState(Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a job: a value, or what ended it.

    An exception must not be returned as it is: the worker would raise it and never say that it is
    through.
    """

    value: Any = None
    error: Stopped | DwiError | None = None


class Job:
    """One piece of work.

    Parameters
    ----------
    title : str
        As the queue shows it.
    work : callable
        ``work(progress)``, run on the worker thread.
    on_done : callable
        Receives what ``work`` returned, on the GUI thread; not called after a stop or failure.
    on_failed : callable
        Receives the error, on the GUI thread.
    kept : str
        What is left of it after a stop, in words.
    """

    def __init__(
        self,
        title: str,
        work: Callable[[Progress], Any],
        on_done: Callable[[Any], None],
        on_failed: Callable[[DwiError], None],
        kept: str = NOTHING_KEPT,
    ) -> None:
        self.title = title
        self.kept = kept
        self.state = JobState.WAITING
        self.fraction = 0.0
        self.phrase = "waiting"
        self.started: float | None = None
        self._work = work
        self._on_done = on_done
        self._on_failed = on_failed
        self._stop = threading.Event()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in (JobState.DONE, JobState.STOPPED, JobState.FAILED)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the pace so far; ``None`` while there is none."""
        if self.started is None or self.fraction < 0.02:
            return None
        elapsed = time.monotonic() - self.started
        return elapsed / self.fraction - elapsed

    def stop(self) -> None:
        """Ask it to stop; it does as soon as it looks."""
        self._stop.set()
        if self.state is JobState.WAITING:
            self.state = JobState.STOPPED
        elif self.state is JobState.RUNNING:
            self.state = JobState.STOPPING

    def compute(self) -> Outcome:
        """Do the work; on the worker thread. Nothing is raised."""
        try:
            return Outcome(self._work(Progress(self._remember, self._stop.is_set)))
        except (Stopped, DwiError) as err:
            return Outcome(error=err)
        # The one place where any error must be caught: napari would show a traceback instead.
        except Exception as err:  # noqa: BLE001
            failure = MethodFailedError(f"unexpected {type(err).__name__}: {err}")
            failure.__cause__ = err
            return Outcome(error=failure)

    def finish(self, outcome: Outcome) -> None:
        """Hand over what came of it; on the GUI thread."""
        if isinstance(outcome.error, Stopped) or self._stop.is_set():
            self.state = JobState.STOPPED
        elif outcome.error is not None:
            self.state = JobState.FAILED
            self._on_failed(outcome.error)
        else:
            self.state, self.fraction = JobState.DONE, 1.0
            self._on_done(outcome.value)

    def _remember(self, fraction: float, phrase: str) -> None:
        self.fraction, self.phrase = fraction, phrase


class JobQueue:
    """Jobs in the order they were asked for, run one after the other."""

    changed = Signal()

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self._worker: FunctionWorker[Any] | None = None
        self._poll = QTimer()
        self._poll.setInterval(_POLL_MS)
        self._poll.timeout.connect(self.changed.emit)

    @property
    def running(self) -> Job | None:
        """The job at work."""
        at_work = (JobState.RUNNING, JobState.STOPPING)
        return next((job for job in self.jobs if job.state in at_work), None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits."""
        return all(job.is_over for job in self.jobs)

    def submit(self, job: Job) -> None:
        """Add a job; it starts at once if nothing else runs."""
        self.jobs.append(job)
        self._start_next()
        self.changed.emit()

    def stop_all(self) -> bool:
        """Stop everything and wait for the worker thread; whether it ended in time."""
        for job in self.jobs:
            job.stop()
        return self.finish_all(_PATIENCE_SECONDS)

    def finish_all(self, patience_seconds: float = _LONG_PATIENCE_SECONDS) -> bool:
        """Wait for what is to be done; whether it ended in time."""
        deadline = time.monotonic() + patience_seconds
        while self._worker is not None and time.monotonic() < deadline:
            # The worker's last word arrives as an event: without it napari counts it as running.
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
        self._poll.stop()
        return self._worker is None

    def _start_next(self) -> None:
        waiting = [job for job in self.jobs if job.state is JobState.WAITING]
        if self._worker is not None or not waiting:
            return
        job = waiting[0]
        job.state, job.started, job.phrase = JobState.RUNNING, time.monotonic(), "starting"
        worker = create_worker(job.compute, _start_thread=False)
        worker.returned.connect(lambda outcome: self._on_returned(job, outcome))
        worker.finished.connect(self._on_finished)
        self._worker = worker
        self._poll.start()
        worker.start()

    def _on_returned(self, job: Job, outcome: Outcome) -> None:
        job.finish(outcome)

    def _on_finished(self) -> None:
        self._worker = None
        self._poll.stop()
        self.jobs = [job for job in self.jobs if not job.is_over]
        self._start_next()
        self.changed.emit()
