"""Reading the command line, and turning errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from napari_dwi import __version__
from napari_dwi.cli import (
    demo,
    fitting,
    measuring,
    methods,
    pairs,
    scans,
    simulating,
    superresolving,
    training,
)
from napari_dwi.cli.comparing import command as comparing
from napari_dwi.cli.output import complain
from napari_dwi.errors import BadInputError, DwiError, Stopped

_COMMANDS = (demo, scans, methods, fitting, superresolving, pairs, comparing, measuring, simulating, training)


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours: one line, exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise BadInputError(message, remedy=f"See {self.prog} --help.")


def build_parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    parser = _Parser(
        prog="napari-dwi",
        description="Read, denoise, fit, super-resolve and measure diffusion-weighted MRI.",
    )
    parser.add_argument("--version", action="version", version=f"napari-dwi {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        module.add_commands(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 for success, 1 for a failure, 2 for bad input, 130 for a stop.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        options = build_parser().parse_args([word for word in arguments if word != "--debug"])
        code: int = options.run(options)
    except DwiError as err:
        if debug:
            raise
        complain(f"napari-dwi: {err}")
        return err.exit_code
    except (Stopped, KeyboardInterrupt):
        complain("napari-dwi: stopped, nothing was written")
        return Stopped.exit_code
    except BrokenPipeError:
        # The reader of our output went away (as `head` does); nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as err:
        if debug:
            raise
        complain(f"napari-dwi: unexpected {type(err).__name__}: {err}. Run again with --debug and report it.")
        return 1
    return code
