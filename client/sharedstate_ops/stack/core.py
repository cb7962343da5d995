"""The embedded stack: Postgres, PostgREST and nginx of one home, as one thing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from sharedstate_ops.stack import ports, postgres, processes, visits
from sharedstate_ops.stack.errors import StackError
from sharedstate_ops.stack.health import PartStatus, examine
from sharedstate_ops.stack.keys import Keys, read_keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.progress import Progress, silent
from sharedstate_ops.stack.rotation import no_keys, rotate
from sharedstate_ops.stack.site import make_folder
from sharedstate_ops.stack.starting import Start, UpReport
from sharedstate_ops.stack.state import PARTS, StackState, exclusive, read_state, write_state
from sharedstate_ops.stack.stopping import end_unrecorded, stop_all

__all__ = ["PARTS", "Stack", "StackInfo", "UpReport"]

_LOCK_SECONDS = 300.0


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
        # What this `up` insists on; for the others any free port will do.
        self._ports: dict[str, int] = {}
        self._migrations_folder = migrations_folder
        # Of a part that was killed while others lived: it comes back where they look for it.
        self._former_ports: dict[str, int] = {}

    @property
    def info(self) -> StackInfo:
        """Addresses and keys of what runs; StackError when it does not."""
        state = read_state(self.home.state_file)
        keys = read_keys(self.home.keys_file)
        missing = [name for name in PARTS if name not in state.parts]
        if missing or keys is None:
            raise StackError(
                f"the stack in {self.home.dir} is not running.", hint="Start it: sharedstate up"
            )
        return _info(state, keys)

    def database_url(self) -> str | None:
        """Where the database is, which runs before the other parts do; None while it does not."""
        keys = read_keys(self.home.keys_file)
        part = read_state(self.home.state_file).parts.get("postgres")
        if keys is None or part is None:
            return None
        return postgres.address(part.port, "postgres", keys.postgres_password)

    def anything_runs(self) -> bool:
        """Whether a part of the stack lives."""
        parts = read_state(self.home.state_file).parts.values()
        return any(processes.find(part.pid, part.created) for part in parts)

    def is_temporary(self) -> bool:
        """Whether it runs only until its last visitor leaves."""
        return read_state(self.home.state_file).temporary

    def is_abandoned(self) -> bool:
        """Whether its last visitor was killed before it could stop it."""
        return visits.is_abandoned(read_state(self.home.state_file))

    def status(self) -> list[PartStatus]:
        """Each part: whether it runs and answers, and why not."""
        keys, state = read_keys(self.home.keys_file), read_state(self.home.state_file)
        return [examine(name, state, keys) for name in PARTS]

    def up(self, progress: Progress = silent, *, visiting: bool = False) -> StackInfo:
        """Start what does not run, apply the migrations, wait until requests are answered.

        `visiting`: for as long as this process needs it; say when it is done by `leave`.
        """
        make_folder(self.home)
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            self.report = UpReport()
            for log in self.home.logs.glob("*.log"):
                processes.shorten(log)
            state = self._living_state(progress)
            if not visiting and state.parts and visits.is_abandoned(state):
                progress("a demo that was killed left its stack running: starting it anew")
                stop_all(self.home, state, progress)
                self._former_ports = {}
            self._settle_ports(state)
            if visiting:
                visits.begin(state)
            else:
                self.report.was_temporary = visits.make_permanent(state)
            write_state(self.home.state_file, state)
            start = Start(
                home=self.home,
                state=state,
                report=self.report,
                progress=progress,
                wanted=self._ports,
                former=self._former_ports,
                migrations_folder=self._migrations_folder,
            )
            return _info(state, start.run())

    def _settle_ports(self, state: StackState) -> None:
        """Decide on the ports; those that are named now are the usual ones from now on."""
        given = self._given_ports
        self._ports = ports.usual(state, given, self._former_ports) if self._usual_ports else given
        ports.check(self.home, state, self._ports, given)
        state.ports |= given

    def down(self, progress: Progress = silent) -> bool:
        """Stop everything in order; the data stays. False when nothing ran."""
        if not self.home.dir.is_dir():
            return False
        make_folder(self.home)
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            return stop_all(self.home, read_state(self.home.state_file), progress)

    def leave(self, progress: Progress = silent) -> bool:
        """End of a visit. Stops a temporary stack when its last visitor goes: then True."""
        if not visits.is_visiting(read_state(self.home.state_file)):
            # Refused or interrupted before it began; or somebody said `down` meanwhile.
            return False
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            state = read_state(self.home.state_file)
            if visits.end(state):
                return stop_all(self.home, state, progress)
            if state.temporary:
                progress("another demo uses the stack: it runs until that one has ended")
            write_state(self.home.state_file, state)
            return False

    def rotate_keys(self, progress: Progress = silent) -> Keys:
        """Another secret and other keys; afterwards nothing takes the old ones any more."""
        if not self.home.keys_file.is_file():
            raise no_keys(self.home)
        make_folder(self.home)
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            return rotate(self.home, progress)

    def _living_state(self, progress: Progress) -> StackState:
        """What was started and lives; the rest is reported, or stopped, and forgotten."""
        state = read_state(self.home.state_file)
        self._former_ports = (
            {name: part.port for name, part in state.parts.items()} if self.anything_runs() else {}
        )
        for name, part in list(state.parts.items()):
            if processes.find(part.pid, part.created) is None:
                self.report.recovered.append(name)
                progress(f"{name} was killed (process {part.pid} is gone): restarting it")
                del state.parts[name]
        # They keep the ports; Postgres is found, and ended, when its data is needed.
        unrecorded = {"nginx", "postgrest"} - state.parts.keys()
        for name in end_unrecorded(self.home, unrecorded, progress):
            self.report.add_recovered(name)
        return state

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        """A connection as `postgres`, the owner of the database, to the running stack."""
        keys = read_keys(self.home.keys_file)
        part = read_state(self.home.state_file).parts.get("postgres")
        if keys is None or part is None:
            raise StackError("the database is not running.", hint="Start it: sharedstate up")
        with postgres.connect(
            part.port,
            user="postgres",
            password=keys.postgres_password,
            database=postgres.DATABASE,
        ) as connection:
            yield connection


def _info(state: StackState, keys: Keys) -> StackInfo:
    host = processes.HOST
    db_port = state.parts["postgres"].port
    return StackInfo(
        url=f"http://{host}:{state.parts['nginx'].port}",
        agent_key=keys.agent_key,
        anon_key=keys.anon_key,
        service_key=keys.service_key,
        database_url=postgres.address(db_port, "postgres", keys.postgres_password),
        jwt_secret=keys.jwt_secret,
        postgrest_url=f"http://{host}:{state.parts['postgrest'].port}",
        db_port=db_port,
    )
