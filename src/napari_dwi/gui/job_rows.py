"""The queue as the user sees it: what runs, how far, how long still, and how to stop it."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_dwi.gui.jobs import Job, JobQueue, JobState
from napari_dwi.text import duration

_STEPS = 1000


class JobRows(QWidget):
    """One row for each job of a queue."""

    def __init__(self, queue: JobQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._rows: dict[Job, _JobRow] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        queue.changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        shown = [job for job in self._queue.jobs if not job.is_over]
        for job in [job for job in self._rows if job not in shown]:
            row = self._rows.pop(job)
            self._layout.removeWidget(row)
            row.deleteLater()
        for job in shown:
            if job not in self._rows:
                self._rows[job] = _JobRow(job)
                self._layout.addWidget(self._rows[job])
            self._rows[job].update_from_job()


class _JobRow(QWidget):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job
        self._title = QLabel(job.title)
        self._title.setStyleSheet("font-weight: bold")
        self._bar = QProgressBar()
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._phrase = QLabel()
        self._phrase.setWordWrap(True)
        # A long phrase must not push the dock's other fields out of sight.
        self._phrase.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.stop_button = QPushButton("Stop")
        self.stop_button.setToolTip(f"Stop this job; {job.kept}")
        self.stop_button.clicked.connect(self._stop)
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        top.addWidget(self.stop_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self._bar)
        layout.addWidget(self._phrase)

    def update_from_job(self) -> None:
        job = self._job
        left = job.seconds_left
        time_left = f" · {duration(left)} left" if left is not None else ""
        phrase = "stopping…" if job.state is JobState.STOPPING else f"{job.phrase}{time_left}"
        # Setting what is there already would still cost a repaint.
        if phrase != self._phrase.text():
            self._phrase.setText(phrase)
        if (value := round(_STEPS * job.fraction)) != self._bar.value():
            self._bar.setValue(value)
        self.stop_button.setEnabled(job.state in (JobState.WAITING, JobState.RUNNING))

    def _stop(self) -> None:
        self._job.stop()
        self.update_from_job()
