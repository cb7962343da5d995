"""Another secret for an installation: the old keys end, the passwords of the database stay."""

from __future__ import annotations

import signal

from sharedstate_ops.stack import postgrest
from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.keys import Keys, read_keys, rotated, write_keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.processes import Process, find, wait_until
from sharedstate_ops.stack.progress import Progress
from sharedstate_ops.stack.site import prepare
from sharedstate_ops.stack.state import read_state

_RELOAD_SECONDS = 30.0


def rotate(home: Home, progress: Progress) -> Keys:
    """Make new keys, and have PostgREST take them if it runs. The caller holds the home's lock."""
    old = read_keys(home.keys_file)
    if old is None:
        raise no_keys(home)
    new = rotated(old)
    write_keys(home.keys_file, new)
    _reload(home, old, new, progress)
    return new


def no_keys(home: Home) -> StackError:
    """What to say where no stack was ever started."""
    return StackError(
        f"there are no keys in {home.dir} yet.", hint="`sharedstate up` makes the first ones."
    )


def _reload(home: Home, old: Keys, new: Keys, progress: Progress) -> None:
    parts = read_state(home.state_file).parts
    part = parts.get("postgrest")
    process = find(part.pid, part.created) if part else None
    if part is None or process is None or not {"postgres", "nginx"} <= parts.keys():
        return  # what starts later starts with the new keys
    progress("postgrest takes the new secret; calls that run now are not disturbed")
    site = prepare(home, progress)
    ports = postgrest.Ports(
        part.port, part.admin_port or 0, parts["postgres"].port, parts["nginx"].port
    )
    postgrest.write_config(site.run, ports=ports, keys=new, run_as=site.run_as)
    process.send_signal(signal.SIGUSR2)
    wait_until(
        lambda: (
            postgrest.accepts(part.port, new.anon_key)
            and not postgrest.accepts(part.port, old.anon_key)
        ),
        process=Process(part.pid, part.created),
        what="postgrest with its new secret",
        timeout=_RELOAD_SECONDS,
        log=home.logs / "postgrest.log",
    )
