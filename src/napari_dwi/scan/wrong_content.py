"""What a file that is not an image looks like, for messages that help."""

from __future__ import annotations

_BEGINNINGS = {
    b"PK\x03\x04": "a zip archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89HDF": "an HDF5 file (MINC 2 or MATLAB)",
    b"CDF": "a NetCDF file (MINC 1)",
    b"MATLAB": "a MATLAB file",
    b"{": "a JSON text",
    b"version https://git-lfs": "a Git LFS pointer instead of the file itself",
    b"/annex/": "a git-annex pointer instead of the file itself",
}
_LONGEST_SHOWN = 24


def content_in_words(start: bytes) -> str:
    """What the first bytes (unpacked; some hundred) of a file tell about it."""
    if not start:
        return "an empty file"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "a web page (HTML), as servers send instead of a file that they refuse"
    if text.startswith(b"<"):
        return "an XML or HTML text"
    if start[128:132] == b"DICM":
        return "a DICOM file: open the folder of its series instead"
    for beginning, words in _BEGINNINGS.items():
        if start.startswith(beginning):
            return words
    if not any(start):
        return "nothing but zeros, as an interrupted copy leaves"
    return f"a file that begins with {start[:_LONGEST_SHOWN]!r}"
