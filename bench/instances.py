"""Several PostgREST behind one gateway, on the database of a running stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psutil

from sharedstate_ops.stack import Stack, gateway, postgrest, processes
from sharedstate_ops.stack.site import Site, prepare
from sharedstate_ops.stack.state import read_state


@dataclass
class Instances:
    """A gateway of its own, and the instances behind it by port."""

    url: str
    site: Site
    ports: list[postgrest.Ports]
    pool: int
    running: dict[int, psutil.Popen] = field(default_factory=dict)

    def start(self, number: int) -> None:
        """Start one, or start it again on the port that it had."""
        folder = self.site.home.run / f"instance-{number}"
        folder.mkdir(exist_ok=True)
        self.site.run_as.give(folder)
        self.running[number] = postgrest.start(
            self.site,
            self.ports[number],
            folder=folder,
            log=f"postgrest-{number}",
            db_pool=self.pool,
        )

    def kill(self, number: int) -> None:
        """kill -9, if it runs."""
        process = self.running.pop(number, None)
        if process is not None:
            processes.end(process)

    def connections(self, number: int) -> int:
        """How many it holds to Postgres now."""
        sockets = self.running[number].net_connections(kind="tcp")
        db_port = self.ports[number].db_port
        return sum(bool(socket.raddr) and socket.raddr[1] == db_port for socket in sockets)


@contextmanager
def instances(
    stack: Stack, count: int, *, pool: int = postgrest.POOL, connections: int = 2048
) -> Iterator[Instances]:
    """Start `count` of them and a gateway; all are stopped in the end, the stack is not."""
    site = prepare(stack.home, lambda message: None)
    db_port = read_state(stack.home.state_file).parts["postgres"].port
    used = [db_port]
    for _ in range(count + 1):
        used.append(processes.free_port(used))
    api_port = used[1]
    ports = [postgrest.Ports(port, db_port, api_port) for port in used[2:]]
    made = Instances(f"http://{processes.HOST}:{api_port}", site, ports, pool)
    with ExitStack() as cleaning:
        for number in range(count):
            made.start(number)
            cleaning.callback(made.kill, number)
        folder = site.home.run / "instances"
        folder.mkdir(exist_ok=True)
        site.run_as.give(folder)
        nginx = gateway.start(
            site,
            api_port,
            [each.port for each in ports],
            folder=folder,
            log="instances",
            connections=connections,
        )
        cleaning.callback(processes.end, nginx)
        yield made
