"""Workers that are forks of a process that has loaded the models.

What is loaded is in memory once, however many workers there are: each has only what it changes to
itself. One that ends is replaced within milliseconds, since there is nothing to load.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import FrameType

LOGGER = logging.getLogger("secondpass.serve")
NOT_BEFORE_A_FORK = ("torch", "openvino", "ray")
"""Modules whose threads a fork would not have, and wait for."""
LEAST_LIFE_S = 1.0
"""A worker that ends sooner is started again only after as long."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def can_fork() -> bool:
    """Whether what is loaded by now survives a fork: on Linux, with no threads of others."""
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and not any(name in sys.modules for name in NOT_BEFORE_A_FORK)
    )


def run_workers(
    work: Callable[[Sequence[socket.socket]], None],
    sockets: Sequence[socket.socket],
    count: int,
    drain_seconds: float,
) -> None:
    """Keep so many processes doing `work` until SIGTERM or SIGINT, which they then get too.

    Args:
        work: What each does; it is to end soon after SIGTERM.
        sockets: That listen; all workers accept from them.
        count: Of workers.
        drain_seconds: How long after the signal a worker may take before it is killed.
    """
    gc.collect()
    gc.freeze()  # what is there now is not looked at again, and so not copied
    alive = os.pipe()  # ends when this process does, whatever ended it
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    workers: dict[BaseProcess, float] = {}
    try:
        while not stopping:
            while len(workers) < count and not stopping:
                worker = _start(work, sockets, alive)
                workers[worker] = time.monotonic()
            ended = wait([woken, *(one.sentinel for one in workers)])
            for worker in [one for one in workers if one.sentinel in ended]:
                worker.join()
                lived = time.monotonic() - workers.pop(worker)
                said = {"pid": worker.pid, "exit_code": worker.exitcode}
                LOGGER.error("a worker has ended", extra={"secondpass": said})
                if lived < LEAST_LIFE_S and not stopping:
                    wait([woken], LEAST_LIFE_S)
    finally:
        signal.set_wakeup_fd(-1)
        for worker in workers:
            worker.terminate()
        ends = time.monotonic() + drain_seconds
        for worker in workers:
            worker.join(max(0.0, ends - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()
        for number, handler in before.items():
            signal.signal(number, handler)
        for end in (*alive, woken, wake):
            os.close(end)


def _start(
    work: Callable[[Sequence[socket.socket]], None],
    sockets: Sequence[socket.socket],
    alive: tuple[int, int],
) -> BaseProcess:
    def run() -> None:
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.close(alive[1])
        threading.Thread(target=_end_with, args=(alive[0],), daemon=True).start()
        work(sockets)

    worker = multiprocessing.get_context("fork").Process(target=run, name="secondpass-worker")
    worker.start()
    return worker


def _end_with(parent: int) -> None:
    """SIGTERM to this process when the one that forked it is gone."""
    os.read(parent, 1)
    os.kill(os.getpid(), signal.SIGTERM)
