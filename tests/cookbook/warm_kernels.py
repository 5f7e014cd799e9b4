"""Kernels that are forked from one process which has imported the heavy packages.

A notebook takes longer to import torch, Chroma and the frameworks than to compute with them. So
the first line below starts a process that imports them once, and the second stands in a kernel
specification as the command: it asks for a kernel and lives as long as that does.

    python warm_kernels.py serve SOCKET
    python warm_kernels.py start SOCKET -f CONNECTION_FILE

Each kernel is a process of its own, with the folder and the environment of who asked, and nothing
that a notebook does reaches another one. Packages of this repository are not imported before.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
from pathlib import Path

HEAVY = (
    "matplotlib.figure", "scipy.stats", "sentence_transformers", "chromadb", "langchain_chroma",
    "langchain_classic.retrievers", "langgraph.graph", "llama_index.core",
    "llama_index.vector_stores.chroma", "ipykernel.kernelapp", "matplotlib_inline.backend_inline",
)  # fmt: skip


def serve(address: str) -> None:
    """Import, then fork a kernel for each that asks, until this process is ended."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as a kernel would
    for name in HEAVY:
        with contextlib.suppress(ImportError):  # the notebook that needs it says so
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels leave nothing
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{address}.new")
        listening.listen()
        Path(f"{address}.new").rename(address)  # from here on it answers
        while True:
            asked, _ = listening.accept()
            if not os.fork():
                listening.close()
                _become_kernel(asked, parent=os.getppid())
            asked.close()


def _become_kernel(asked: socket.socket, parent: int) -> None:
    """Run the kernel; its end closes the connection, which the process that asked waits for."""
    code = 1
    try:
        with asked.makefile("rb") as lines:
            wish = json.loads(lines.readline())
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.chdir(wish["folder"])
        os.environ.clear()
        os.environ.update(wish["environment"])
        sys.path[0] = ""  # where `python -m ipykernel_launcher` looks for modules first
        from ipykernel.kernelapp import IPKernelApp

        sys.argv = ["kernel", *wish["options"], f"--IPKernelApp.parent_handle={parent}"]
        IPKernelApp.launch_instance()
        code = 0
    finally:
        os._exit(code)


def start(address: str, *options: str) -> None:
    """Ask for a kernel with these options, and wait until it has ended."""
    wish = {"options": options, "folder": str(Path.cwd()), "environment": dict(os.environ)}
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(address)
        asking.sendall(json.dumps(wish).encode() + b"\n")
        asking.recv(1)


if __name__ == "__main__":
    {"serve": serve, "start": start}[sys.argv[1]](*sys.argv[2:])
