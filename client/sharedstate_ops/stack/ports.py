"""The ports that somebody wants for a stack, and whether it can have them."""

from __future__ import annotations

from collections.abc import Collection

from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.processes import require_port
from sharedstate_ops.stack.state import StackState

DEFAULT_DB_PORT = 5432
DEFAULT_API_PORT = 8000
_DEFAULTS = {"postgres": DEFAULT_DB_PORT, "nginx": DEFAULT_API_PORT}
_OPTIONS = {"postgres": ("--db-port", "the database"), "nginx": ("--api-port", "the API")}


def usual(state: StackState) -> dict[str, int]:
    """Where agents look for each part: where it was started last, else as chosen at an `up`."""
    return {
        name: state.parts[name].port if name in state.parts else state.ports.get(name, default)
        for name, default in _DEFAULTS.items()
    }


def check(
    home: Home,
    state: StackState,
    living: Collection[str],
    wanted: dict[str, int],
    given: dict[str, int],
) -> None:
    """Raise StackError, with what to do, when the stack cannot be on the `wanted` ports.

    `given` are those of them that somebody named just now and will have to name again.
    """
    if len(set(wanted.values())) < len(wanted):
        raise StackError(
            f"port {wanted['nginx']} is wanted for both the database and the API.",
            hint="Choose another for one of them with --db-port or --api-port.",
        )
    for name, port in wanted.items():
        if name not in living:
            # Of 80 and 443, which an ordinary user cannot have, the well-known 8080 and 8443.
            next_port = port + (8000 if port < 1024 else 1)
            while next_port in wanted.values():
                next_port += 1
            instead = _command(given | {name: next_port}, first=name)
            require_port(port, instead=instead, what=_OPTIONS[name][1])
        elif state.parts[name].port != port:
            raise _runs_elsewhere(home, state, name, given)


def _runs_elsewhere(home: Home, state: StackState, name: str, given: dict[str, int]) -> StackError:
    what, port = _OPTIONS[name][1], state.parts[name].port
    command = _command(given, first=name)
    if state.temporary:
        return StackError(
            f"a demo runs in {home.dir}, with {what} on port {port}.",
            hint=f"Wait until it has ended, then run `{command}`; or keep its stack, on the ports "
            "it has, by `sharedstate up` without ports.",
        )
    return StackError(
        f"the stack in {home.dir} already runs with {what} on port {port}.",
        hint=f"Run `sharedstate down` first, then `{command}`.",
    )


def _command(given: dict[str, int], *, first: str) -> str:
    """Naming one port again must not lose the other one."""
    names = sorted(given, key=lambda name: name != first)
    return " ".join(["sharedstate up", *(f"{_OPTIONS[name][0]} {given[name]}" for name in names)])
