"""Library calls that cannot be interrupted, run in a process of their own that can be killed.

The process is a fresh Python rather than a fork: forks of a program with windows and threads hang,
and `multiprocessing` would run the user's own script again on Windows and macOS.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from napari_dwi.errors import MethodFailedError
from napari_dwi.methods.progress import Progress

_Result = TypeVar("_Result")

# A call that is over sooner than a user notices is not worth the start of a process (about 0.3 s).
_SHORT_SECONDS = 0.1
_SECONDS_BETWEEN_LOOKS = 0.05


def call_killable(
    function: Callable[..., _Result], *arguments: object, progress: Progress, seconds: float
) -> _Result:
    """Call a function so that a stop ends it at once.

    Parameters
    ----------
    function : callable
        A function at the top of a module.
    arguments
        Its arguments; they and the result are sent by pickle.
    progress : Progress
        Looked at 20 times a second.
    seconds : float
        How long the call takes by a rough estimate; a call of up to 0.1 s is made right here.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    Stopped
        If the user asked to stop; the process is gone by then.
    MethodFailedError
        If the process ended without an answer.
    Exception
        Whatever the function raises.
    """
    progress.check()
    if seconds <= _SHORT_SECONDS:
        return function(*arguments)
    request = pickle.dumps((function, arguments), protocol=5)
    command = [sys.executable, "-c", f"from {__name__} import answer; answer()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            answer = _Answer(process, request)
            while not answer.wait(_SECONDS_BETWEEN_LOOKS):
                progress.check()
        finally:
            process.kill()
    if not answer.received:
        raise MethodFailedError(
            "a part of this method that runs as a process of its own ended without a result",
            found=f"exit code {process.returncode}",
            remedy="It may have run out of memory: crop the series.",
        )
    result, error = pickle.loads(answer.received)
    if error is not None:
        raise error
    answered: _Result = result
    return answered


def answer() -> None:
    """Serve one call: the process's part of `call_killable`."""
    reply = os.fdopen(os.dup(1), "wb")
    # What a library prints must not end up in the answer.
    os.dup2(2, 1)
    function, arguments = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_the_caller, args=(sys.stdin.buffer,), daemon=True).start()
    result, error = None, None
    try:
        result = function(*arguments)
    except Exception as err:  # noqa: BLE001 - raised again where the call was made
        error = err
    with reply:
        reply.write(pickle.dumps((result, error), protocol=5))
        reply.flush()
        os._exit(0)


class _Answer(threading.Thread):
    """Sends a request and collects the answer while the caller looks after other things."""

    def __init__(self, process: subprocess.Popen[bytes], request: bytes) -> None:
        super().__init__(daemon=True)
        self.received = b""
        self._process = process
        self._request = request
        self.start()

    def run(self) -> None:
        """Send and collect; a process that was killed breaks off both."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            return
        try:
            stdin.write(self._request)
            stdin.flush()
            self.received = stdout.read()
        except (OSError, ValueError):
            self.received = b""

    def wait(self, seconds: float) -> bool:
        """Whether it is over, after waiting so long at most."""
        self.join(seconds)
        return not self.is_alive()


def _end_with_the_caller(stdin: BinaryIO) -> None:
    """Leave no process behind when the caller is gone: its end of the pipe closes then."""
    stdin.read()
    os._exit(1)
