"""The ports that somebody wants for a stack, and whether it can have them."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Collection

import psutil

from sharedstate_ops.stack.errors import PortTaken, StackError
from sharedstate_ops.stack.processes import listen_once
from sharedstate_ops.stack.state import StackState

DEFAULT_DB_PORT = 5432
DEFAULT_API_PORT = 8000
_DEFAULTS = {"postgres": DEFAULT_DB_PORT, "nginx": DEFAULT_API_PORT}
_WORDS = {"postgres": ("the database", "--db-port"), "nginx": ("the API", "--api-port")}


def usual(state: StackState) -> dict[str, int]:
    """Where agents look for each part: where it was started last, else as chosen at an `up`."""
    return {
        name: state.parts[name].port if name in state.parts else state.ports.get(name, default)
        for name, default in _DEFAULTS.items()
    }


def check(state: StackState, living: Collection[str], wanted: dict[str, int]) -> None:
    """Raise StackError, with what to do, when the stack cannot be on the `wanted` ports."""
    if len(set(wanted.values())) < len(wanted):
        raise StackError(
            f"port {wanted['nginx']} is wanted for both the database and the API.",
            hint="Choose another for one of them with --db-port or --api-port.",
        )
    for name, port in wanted.items():
        if name not in living:
            _require(port, *_WORDS[name])
        elif state.parts[name].port != port:
            what, option = _WORDS[name]
            raise StackError(
                f"the stack already runs with {what} on port {state.parts[name].port}.",
                hint=f"Run `sharedstate down` first, then `sharedstate up {option} {port}`.",
            )


def _require(port: int, what: str, option: str) -> None:
    """PortTaken, with the holder where the system tells; StackError when it is not for us."""
    wanted = f"port {port} of 127.0.0.1, wanted for {what},"
    try:
        listen_once(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            hint = f"Ports below 1024 are for root. Choose another with {option}."
            raise StackError(f"{wanted} cannot be had: {error.strerror}.", hint=hint) from error
        hint = f"Stop what runs there, or choose another port with {option}."
        raise PortTaken(f"{wanted} is taken{_holder(port)}.", hint=hint) from error


def _holder(port: int) -> str:
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections(kind="tcp"):
            address = each.laddr if each.status == psutil.CONN_LISTEN else ()
            if address and address[1] == port and each.pid:
                return f" by {psutil.Process(each.pid).name()} (process {each.pid})"
    return ""
