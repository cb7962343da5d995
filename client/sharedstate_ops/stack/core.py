"""The embedded stack: Postgres, PostgREST and nginx of one home, as one thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import psutil

from sharedstate_ops.stack import ports, processes
from sharedstate_ops.stack.connections import Connection, connect
from sharedstate_ops.stack.errors import Progress, StackError, silent
from sharedstate_ops.stack.keys import Keys, read_keys, rotated, write_keys
from sharedstate_ops.stack.parts import PartStatus, Start, UpReport, examine, stop_all, stop_part
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.site import make_folder
from sharedstate_ops.stack.state import (
    PARTS,
    StackState,
    database_address,
    exclusive,
    living_parts,
    read_state,
    write_state,
)


@dataclass(frozen=True)
class StackInfo:
    """How to reach a running stack. The service key and the database address are operators'."""

    url: str
    agent_key: str = field(repr=False)
    anon_key: str = field(repr=False)
    service_key: str = field(repr=False)
    database_url: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    postgrest_url: str
    db_port: int


class Stack:
    """The stack of one home. Ports None: free ones, found at each start.

    With `usual_ports` instead those that were named at an earlier `up`, else 5432 and 8000.

    >>> stack = Stack(Path("/srv/design"), db_port=5432, api_port=8000)
    >>> info = stack.up()
    """

    def __init__(
        self,
        home: Path,
        *,
        db_port: int | None = None,
        api_port: int | None = None,
        usual_ports: bool = False,
        migrations_folder: Path | None = None,
    ) -> None:
        self.home = Home(home.resolve())
        self.report = UpReport()
        given = {"postgres": db_port, "nginx": api_port}
        self._given_ports = {name: port for name, port in given.items() if port is not None}
        self._usual_ports = usual_ports
        self._migrations_folder = migrations_folder

    @property
    def info(self) -> StackInfo:
        """Addresses and keys of what runs; StackError when it does not."""
        state = read_state(self.home.state_file)
        keys = read_keys(self.home.keys_file)
        if keys is None or not state.parts.keys() >= set(PARTS):
            raise StackError(
                f"the stack in {self.home.dir} is not running.", hint="Start it: sharedstate up"
            )
        db_port = state.parts["postgres"].port
        return StackInfo(
            url=f"http://{processes.HOST}:{state.parts['nginx'].port}",
            agent_key=keys.agent_key,
            anon_key=keys.anon_key,
            service_key=keys.service_key,
            database_url=keys.address(db_port),
            jwt_secret=keys.jwt_secret,
            postgrest_url=f"http://{processes.HOST}:{state.parts['postgrest'].port}",
            db_port=db_port,
        )

    def database_url(self) -> str | None:
        """Where the database is, which runs before the other parts do; None while it does not."""
        return database_address(self.home)

    def database(self) -> Connection:
        """A connection as `postgres`, the owner of the database, to the running stack."""
        address = self.database_url()
        if address is None:
            raise StackError("the database is not running.", hint="Start it: sharedstate up")
        return connect(address)

    def living(self) -> dict[str, psutil.Process]:
        """The parts that live, by name."""
        return living_parts(self.home)

    def status(self) -> list[PartStatus]:
        """Each part: whether it runs and answers, and why not."""
        keys, parts = read_keys(self.home.keys_file), read_state(self.home.state_file).parts
        living = self.living()
        return [examine(name, parts.get(name), lives=name in living, keys=keys) for name in PARTS]

    def up(self, progress: Progress = silent) -> StackInfo:
        """Start what does not run, apply the migrations, wait until requests are answered."""
        make_folder(self.home)
        with exclusive(self.home.lock_file, progress=progress):
            self.report = UpReport()
            for log in self.home.logs.glob("*.log"):
                processes.shorten(log)
            state = read_state(self.home.state_file)
            living = self._agree_on_what_lives(state, progress)
            given = self._given_ports
            wanted = ports.usual(state) | given if self._usual_ports else given
            ports.check(state, living, wanted)
            state.ports |= given
            write_state(self.home.state_file, state)
            Start(self.home, state, self.report, progress, wanted, self._migrations_folder).run()
            return self.info

    def _agree_on_what_lives(self, state: StackState, progress: Progress) -> set[str]:
        """What was started and lives. The rest is reported; and stopped, when we do not know it."""
        living = self.living()
        for name, process in living.items():
            if name not in state.parts or state.parts[name].pid != process.pid:
                progress(f"{name} runs unrecorded (process {process.pid}): stopping it")
                stop_part(self.home, state, name, silent)
                self.report.recovered.add(name)
        for name, part in state.parts.items():
            if name not in living:
                self.report.recovered.add(name)
                progress(f"{name} was killed (process {part.pid} is gone): restarting it")
        return living.keys() & state.parts.keys()

    def down(self, progress: Progress = silent) -> bool:
        """Stop everything in order; the data stays. False when nothing ran."""
        if not self.home.dir.is_dir():
            return False
        make_folder(self.home)
        with exclusive(self.home.lock_file, progress=progress):
            return stop_all(self.home, read_state(self.home.state_file), progress)

    def rotate_keys(self, progress: Progress = silent) -> Keys:
        """Another secret and other keys; afterwards nothing takes the old ones any more."""
        old = read_keys(self.home.keys_file)
        if old is None:
            raise StackError(
                f"there are no keys in {self.home.dir} yet.",
                hint="`sharedstate up` makes the first ones.",
            )
        make_folder(self.home)
        with exclusive(self.home.lock_file, progress=progress):
            new = write_keys(self.home.keys_file, rotated(old))
        if self.living():
            # It finds an API that refuses the new keys, and starts that anew.
            self.up(progress)
        return new
