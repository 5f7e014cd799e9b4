"""Put on PYTHONPATH, so that a process and its children reach this machine only."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

_connect, _getaddrinfo = socket.socket.connect, socket.getaddrinfo


def _is_here(host: Any) -> bool:
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connect_here(self: socket.socket, address: Any) -> None:
    if self.family != getattr(socket, "AF_UNIX", None) and not _is_here(address[0]):
        raise OSError(f"the network is closed in tests: {address}")
    _connect(self, address)


def _look_up_here(host: Any, *rest: Any, **options: Any) -> Any:
    if not _is_here(host):
        raise OSError(f"the network is closed in tests: {host}")
    return _getaddrinfo(host, *rest, **options)


socket.socket.connect = _connect_here  # type: ignore[method-assign]
socket.getaddrinfo = _look_up_here
