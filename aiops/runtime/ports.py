"""Which port to listen on, and a clear word where it cannot be had."""

import errno
import socket

from aiops.runtime.faults import RuntimeFault


def choose(address: str, port: int, *, setting: str) -> int:
    """`port` if it can be had on `address` now, any free one for 0; RuntimeFault names the setting to change."""
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        raise RuntimeFault(_why(error, address, port, setting)) from None


def _why(error: OSError, address: str, port: int, setting: str) -> str:
    other = f"{setting}={port + 1 if 0 < port < 65535 else 8000} make up ({setting}=0 takes any free port)"
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {port} on {address} is in use by another program. Stop that one, or choose another port: {other}"
        case errno.EACCES:
            return f"port {port} needs rights that this user has not. Choose one from 1024 up: {setting}=8000 make up"
        case _:
            return f"cannot listen on {address}:{port} ({error.strerror}). Check AIOPS_BIND, or choose another port: {other}"
