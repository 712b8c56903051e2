"""Presses the X of a napari window while a job runs; run by test_closing with the answer to give.

A close by the window manager cannot be made from within: it comes from the X server, as for a user.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading

import napari
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication, QDialog, QMessageBox, QPushButton

from napari_dwi.gui import room as rooms

CLIENT_MESSAGE, FORMAT_BITS = 33, 32


class ClientMessage(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("send_event", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
    )


class XEvent(ctypes.Union):
    _fields_ = (("message", ClientMessage), ("padding", ctypes.c_long * 24))


def press_x(window_id: int) -> None:
    """What a window manager sends when the X in the title bar is pressed."""
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    x11.XInternAtom.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
    x11.XSendEvent.argtypes = (
        ctypes.c_void_p,
        ctypes.c_ulong,
        ctypes.c_int,
        ctypes.c_long,
        ctypes.c_void_p,
    )
    x11.XCloseDisplay.argtypes = (ctypes.c_void_p,)
    display = x11.XOpenDisplay(None)
    event = XEvent()
    event.message.type, event.message.window, event.message.format = CLIENT_MESSAGE, window_id, FORMAT_BITS
    event.message.message_type = x11.XInternAtom(display, b"WM_PROTOCOLS", 0)
    event.message.data[0] = x11.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
    x11.XSendEvent(display, window_id, 0, 0, ctypes.byref(event))
    # Closing the connection also sends what waits in it.
    x11.XCloseDisplay(display)


def wait_until(reached, seconds: float = 15.0) -> bool:
    """Let the window live until something is so."""
    loop, limit, look = QEventLoop(), QTimer(), QTimer()
    limit.setSingleShot(True)
    limit.timeout.connect(loop.quit)
    look.timeout.connect(lambda: loop.quit() if reached() else None)
    limit.start(round(1000 * seconds))
    look.start(20)
    loop.exec()
    look.stop()
    return bool(reached())


def main(answer: str) -> None:
    viewer = napari.Viewer()
    _, dock = viewer.window.add_plugin_dock_widget("napari-dwi", "Scan")
    room = dock.room
    window = viewer.window._qt_window
    closed: list[bool] = []
    window.destroyed.connect(lambda: closed.append(True))
    threads: list[threading.Thread] = []
    asked: list[str] = []

    def work(progress) -> None:
        threads.append(threading.current_thread())
        while True:
            progress.check()

    def look() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QDialog) and box.isVisible():
            asked.append(box.text() if isinstance(box, QMessageBox) else type(box).__name__)
            buttons = [b for b in box.findChildren(QPushButton) if b.text().replace("&", "") == answer]
            buttons[0].click() if buttons else box.reject()

    wait_until(lambda: dock.isVisible() and window.windowHandle().isExposed())
    job = room.submit("endless", work, lambda _: None)
    wait_until(lambda: bool(threads))
    answering = QTimer()
    answering.timeout.connect(look)
    answering.start(20)
    press_x(int(window.winId()))
    wait_until(lambda: bool(asked))
    # Where it must not close there is nothing to wait for but that it does not.
    stopped = wait_until(lambda: job.is_over and bool(closed), 0.5 if answer == "Cancel" else 15.0)
    said = {
        "asked": asked,
        "stopped": stopped,
        "running": room.queue.running is job,
        "visible": not closed,
        "rooms": len(rooms._rooms),
    }
    sys.stdout.write(json.dumps(said) + "\n")
    if not closed:
        viewer.close()


if __name__ == "__main__":
    main(sys.argv[1])
