"""pydicom without its warnings, which quote what they warn of: it may be the patient's name."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


class _NotWhileReading(logging.Filter):
    """Drops what pydicom logs from within this reader, and nothing of what it logs for others."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - the interface of logging
        """Whether to let a record through."""
        return not _quiet.get()


logging.getLogger("pydicom").addFilter(_NotWhileReading())


@contextmanager
def quietly() -> Iterator[None]:
    """Neither warnings nor log entries: values that bend the standard are none of the user's business."""
    token = _quiet.set(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _quiet.reset(token)
