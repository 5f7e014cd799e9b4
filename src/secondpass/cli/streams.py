"""Standard output that cannot break a command (any text, any encoding, no traceback), and progress
on standard error."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_ESCAPES = "secondpass.json_escapes"
_CLOSED = (
    "error: standard output is closed; send it to a file, to another program or to /dev/null\n"
)


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    r"""What is printed within can be printed, or ends the process in one line.

    A character that standard output cannot encode (half of a surrogate pair; any beyond ASCII
    where the locale is C) is written as JSON escapes it, ``\u20ac``, so that what ``--json``
    prints stays JSON.

    Raises:
        SystemExit: With 1 where standard output is closed, is full, or is no longer read (then
            silently, since that is how ``| head`` ends).
    """
    if sys.stdout is None:  # closed by the parent process
        _print_error(_CLOSED)
        raise SystemExit(1)
    codecs.register_error(_ESCAPES, _json_escapes)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPES)
    output = sys.stdout  # click puts another in its place as a pipe breaks
    try:
        try:
            yield
        finally:
            output.flush()
    except OSError as error:
        _discard(output)
        if error.errno != errno.EPIPE:
            _print_error(f"error: the system refused to read or write: {error}\n")
        raise SystemExit(1) from None


def _json_escapes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    units = text.encode("utf-16-be", "surrogatepass")  # beyond U+FFFF two, as in JSON
    pairs = zip(units[::2], units[1::2], strict=True)
    return "".join(f"\\u{high:02x}{low:02x}" for high, low in pairs), error.end


def _discard(output: TextIO) -> None:
    """Send what is still buffered nowhere, or Python writes it as it exits and fails again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, output.fileno())
        os.close(nowhere)


def _print_error(line: str) -> None:
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # it may be full or closed itself
            sys.stderr.write(line)
            sys.stderr.flush()


def progress_bar(description: str) -> Progress:
    """A bar on standard error, where that is a terminal, that leaves nothing behind.

    Add a task to it and use it as a context.
    """
    console = Console(stderr=True)
    return Progress(
        TextColumn(description),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
