"""The embedded stack: Postgres, PostgREST and nginx of one home, as one thing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from sharedstate.stack import gateway, migrations, ports, postgres, postgrest, processes, visits
from sharedstate.stack.errors import StackError
from sharedstate.stack.health import PartStatus, examine
from sharedstate.stack.keys import Keys, read_keys
from sharedstate.stack.paths import Home
from sharedstate.stack.progress import Progress, silent
from sharedstate.stack.rotation import rotate
from sharedstate.stack.site import Site, make_folder, prepare
from sharedstate.stack.state import PartRecord, StackState, exclusive, read_state, write_state

PARTS = ("postgres", "postgrest", "nginx")
_LOCK_SECONDS = 300.0
_START_ATTEMPTS = 4


@dataclass(frozen=True)
class StackInfo:
    """How to reach a running stack. The service key and the database address are operators'."""

    url: str
    agent_key: str
    anon_key: str
    service_key: str
    database_url: str
    jwt_secret: str
    postgrest_url: str
    db_port: int


@dataclass
class UpReport:
    """What the last `up` did."""

    already_running: bool = False
    # Started by a visitor who left it to us: it would have ended with that one.
    was_temporary: bool = False
    recovered: list[str] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)


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

    def anything_runs(self) -> bool:
        """Whether a part of the stack lives."""
        parts = read_state(self.home.state_file).parts.values()
        return any(processes.find(part.pid, part.created) for part in parts)

    def is_temporary(self) -> bool:
        """Whether it runs only until its last visitor leaves."""
        return read_state(self.home.state_file).temporary

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
                self._stop_all(state, progress)
                self._former_ports = {}
            self._settle_ports(state)
            if visiting:
                visits.begin(state)
            else:
                self.report.was_temporary = visits.make_permanent(state)
            write_state(self.home.state_file, state)
            return self._bring_up(state, progress)

    def _settle_ports(self, state: StackState) -> None:
        """Decide on the ports; those that are named now are the usual ones from now on."""
        given = self._given_ports
        self._ports = ports.usual(state, given, self._former_ports) if self._usual_ports else given
        ports.check(self.home, state, self._ports, given)
        state.ports |= given

    def _bring_up(self, state: StackState, progress: Progress) -> StackInfo:
        if all(name in state.parts for name in PARTS):
            keys = read_keys(self.home.keys_file)
            port = state.parts["nginx"].port
            if keys is not None and gateway.answers(port, keys):
                self.report.already_running = not self.report.recovered
                self._migrate(state, keys, progress)
                return _info(state, keys)
        site = prepare(self.home, progress)
        self._start_postgres(state, site, progress)
        self._migrate(state, site.keys, progress)
        self._start_api(state, site, progress)
        return _info(state, site.keys)

    def down(self, progress: Progress = silent) -> bool:
        """Stop everything in order; the data stays. False when nothing ran."""
        if not self.home.dir.is_dir():
            return False
        make_folder(self.home)
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            return self._stop_all(read_state(self.home.state_file), progress)

    def leave(self, progress: Progress = silent) -> bool:
        """End of a visit. Stops a temporary stack when its last visitor goes: then True."""
        if not visits.is_visiting(read_state(self.home.state_file)):
            # Refused or interrupted before it began; or somebody said `down` meanwhile.
            return False
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            state = read_state(self.home.state_file)
            if visits.end(state):
                return self._stop_all(state, progress)
            if state.temporary:
                progress("another demo uses the stack: it runs until that one has ended")
            write_state(self.home.state_file, state)
            return False

    def rotate_keys(self, progress: Progress = silent) -> Keys:
        """Another secret and other keys; afterwards nothing takes the old ones any more."""
        with exclusive(self.home.lock_file, timeout=_LOCK_SECONDS, progress=progress):
            return rotate(self.home, progress)

    def _stop_all(self, state: StackState, progress: Progress) -> bool:
        state.temporary, state.visitors = False, {}
        stopped = [self._stop(state, name, progress) for name in reversed(PARTS)]
        write_state(self.home.state_file, state)
        server, orphans = postgres.servers_on(self.home.data)
        for process in [*([server] if server else []), *orphans]:
            processes.end(process, graceful=signal.SIGINT, patience=60)
            stopped.append(True)
        return any(stopped)

    def _living_state(self, progress: Progress) -> StackState:
        """What was started and lives; the rest is reported and forgotten."""
        state = read_state(self.home.state_file)
        self._former_ports = (
            {name: part.port for name, part in state.parts.items()} if self.anything_runs() else {}
        )
        for name, part in list(state.parts.items()):
            if processes.find(part.pid, part.created) is None:
                self.report.recovered.append(name)
                progress(f"{name} was killed (process {part.pid} is gone): restarting it")
                del state.parts[name]
        return state

    def _start_postgres(self, state: StackState, site: Site, progress: Progress) -> None:
        if "postgres" in state.parts:
            return
        self._recover_postgres(site, progress)
        fresh = not (site.data / "PG_VERSION").exists()
        if fresh:
            progress("making the database (initdb)")
            postgres.initialise(
                site.data, binaries=site.binaries, keys=site.keys, run_as=site.run_as
            )
        elif site.keys_are_new:
            progress("keys.json was gone: setting new passwords")
            postgres.set_admin_password(
                site.data,
                binaries=site.binaries,
                password=site.keys.supabase_admin_password,
                run_as=site.run_as,
            )
        progress("starting postgres")
        log = self.home.logs / "postgres.log"
        for port in self._database_ports():
            process = postgres.start(
                site.data, port=port, binaries=site.binaries, log=log, run_as=site.run_as
            )
            self._record(state, "postgres", process, port, site.binaries.postgres_version)
            try:
                postgres.wait_ready(site.data, process, log)
                break
            except StackError:
                self._stop(state, "postgres", silent)
                if "postgres" in self._ports or processes.port_is_free(port):
                    raise
        else:
            raise StackError("postgres found no free port.", hint=processes.tail(log))
        postgres.create_roles_and_database(state.parts["postgres"].port, site.keys)
        # It retries a lost database with growing pauses; a new one connects at once.
        self._stop(state, "postgrest", silent)

    def _database_ports(self) -> Iterator[int]:
        """The wanted port, or some free ones: one that is free now may be taken in a moment."""
        if "postgres" in self._ports:
            yield self._ports["postgres"]
            return
        if "postgres" in self._former_ports:
            yield self._former_ports["postgres"]
        for _ in range(_START_ATTEMPTS):
            yield processes.free_port()

    def _recover_postgres(self, site: Site, progress: Progress) -> None:
        server, orphans = postgres.servers_on(site.data)
        if server is not None:
            progress(f"postgres runs unrecorded (process {server.pid}): restarting it")
            processes.end(server, graceful=signal.SIGINT, patience=60)
        if orphans:
            progress(f"waiting for {len(orphans)} processes of the killed postgres to end")
            # They notice by themselves soon; one that computes does not, and may be ended.
            for process in orphans:
                if processes.wait_gone(process, 2):
                    continue
                processes.end(process, graceful=signal.SIGQUIT, patience=10)
        if postgres.forget_dead_server(site.data):
            if "postgres" not in self.report.recovered:
                self.report.recovered.append("postgres")
            progress("postgres was killed (stale pid file): recovered")

    def _start_api(self, state: StackState, site: Site, progress: Progress) -> None:
        """Start PostgREST and nginx, the one whose upstream moved included."""
        progress("starting postgrest and nginx")
        part = state.parts.get("postgrest")
        if part is not None and not postgrest.is_fit(part.port, part.admin_port, site.keys):
            # It retries a lost database with growing pauses; a new one connects at once.
            self._stop(state, "postgrest", silent)
        for attempt in range(_START_ATTEMPTS):
            try:
                self._try_start_api(state, site)
                return
            except StackError as error:
                # Somebody took a free port between our looking and our listening.
                clash = "in use" in str(error) and attempt < _START_ATTEMPTS - 1
                wanted = self._ports.get("nginx")
                if not clash or (wanted and not processes.port_is_free(wanted)):
                    raise
                self._stop(state, "nginx", silent)
                self._stop(state, "postgrest", silent)

    def _try_start_api(self, state: StackState, site: Site) -> None:
        used = [part.port for part in state.parts.values()]
        nginx_part = state.parts.get("nginx")
        api_port = (
            self._ports.get("nginx")
            or self._former_ports.pop("nginx", None)
            or (nginx_part.port if nginx_part else processes.free_port(used))
        )
        started = None
        if "postgrest" not in state.parts:
            started = self._start_postgrest(state, site, api_port)
        # Its upstream may have another port now, and it starts in milliseconds.
        self._stop(state, "nginx", silent)
        nginx = self._start_nginx(state, site, api_port)
        if started is not None:
            admin_port = state.parts["postgrest"].admin_port or 0
            postgrest.wait_ready(started, admin_port, self.home.logs / "postgrest.log")
        gateway.wait_ready(nginx, api_port, site.keys, self.home.logs / "nginx.log")

    def _start_postgrest(self, state: StackState, site: Site, api_port: int) -> processes.Process:
        db_port = state.parts["postgres"].port
        port = processes.free_port([api_port, db_port])
        admin_port = processes.free_port([api_port, db_port, port])
        process = postgrest.start(
            site.run,
            ports=postgrest.Ports(port, admin_port, db_port, api_port),
            keys=site.keys,
            binaries=site.binaries,
            log=self.home.logs / "postgrest.log",
            run_as=site.run_as,
        )
        version = site.binaries.postgrest_version
        self._record(state, "postgrest", process, port, version, admin_port)
        return process

    def _start_nginx(self, state: StackState, site: Site, port: int) -> processes.Process:
        process = gateway.start(
            site.run,
            port=port,
            upstream_ports=[state.parts["postgrest"].port],
            binaries=site.binaries,
            log=self.home.logs / "nginx.log",
            run_as=site.run_as,
        )
        self._record(state, "nginx", process, port, site.binaries.nginx_version)
        return process

    def _record(
        self,
        state: StackState,
        name: str,
        process: processes.Process,
        port: int,
        version: str,
        admin_port: int | None = None,
    ) -> None:
        state.parts[name] = PartRecord(process.pid, process.created, port, version, admin_port)
        write_state(self.home.state_file, state)

    def _stop(self, state: StackState, name: str, progress: Progress) -> bool:
        """Stop one part and forget it; False when it did not run."""
        part = state.parts.pop(name, None)
        if part is None:
            return False
        process = processes.find(part.pid, part.created)
        if process is not None:
            progress(f"stopping {name}")
            # For Postgres the fast shutdown: sessions are ended, nothing is lost.
            graceful = signal.SIGINT if name == "postgres" else signal.SIGTERM
            processes.end(process, graceful=graceful, patience=60 if name == "postgres" else 5)
        write_state(self.home.state_file, state)
        return process is not None

    def _migrate(self, state: StackState, keys: Keys, progress: Progress) -> None:
        with postgres.connect(
            state.parts["postgres"].port,
            user="postgres",
            password=keys.postgres_password,
            database=postgres.DATABASE,
        ) as connection:
            done = migrations.apply_pending(
                connection, folder=self._migrations_folder, progress=progress
            )
        self.report.migrations = [migration.version for migration in done]

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
        database_url=(
            f"postgresql://postgres:{keys.postgres_password}@{host}:{db_port}/{postgres.DATABASE}"
        ),
        jwt_secret=keys.jwt_secret,
        postgrest_url=f"http://{host}:{state.parts['postgrest'].port}",
        db_port=db_port,
    )
