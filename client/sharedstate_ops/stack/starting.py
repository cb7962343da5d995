"""Starting the parts of a home, and bringing back those that were killed or hang."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sharedstate_ops.stack import gateway, migrations, postgres, postgrest, processes
from sharedstate_ops.stack.errors import NoConnection, StackError
from sharedstate_ops.stack.keys import Keys, confirm_keys, read_keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.progress import Progress, silent
from sharedstate_ops.stack.site import Site, prepare
from sharedstate_ops.stack.state import PARTS, PartRecord, StackState, write_state
from sharedstate_ops.stack.stopping import end_postgres, stop_part

_START_ATTEMPTS = 4
_ANSWER_SECONDS = 5


@dataclass
class UpReport:
    """What the last `up` did."""

    already_running: bool = False
    # Started by a visitor who left it to us: it would have ended with that one.
    was_temporary: bool = False
    recovered: list[str] = field(default_factory=list)
    migrations: list[str] = field(default_factory=list)

    def add_recovered(self, name: str) -> None:
        if name not in self.recovered:
            self.recovered.append(name)


@dataclass
class Start:
    """One `up` under way, from what lives to what answers. Its caller holds the home's lock.

    `wanted` ports are insisted on; for the others any free one will do, the `former` one first: of
    a part that was killed while others lived, so that it comes back where they look for it.
    """

    home: Home
    state: StackState
    report: UpReport
    progress: Progress
    wanted: dict[str, int]
    former: dict[str, int]
    migrations_folder: Path | None = None
    # The database has to be given the passwords of our keys before it is started.
    new_passwords: bool = False

    def run(self) -> Keys:
        """Start what does not run, apply the migrations, wait until requests are answered."""
        keys = self._keys_of_what_runs()
        if keys is not None:
            self.report.already_running = not self.report.recovered
            return keys
        site = prepare(self.home, self.progress)
        self.new_passwords = site.keys_are_new
        if not self._postgres_stays(site):
            self._start_postgres(site)
        self._migrate(site.keys)
        self._start_api(site)
        return site.keys

    def _keys_of_what_runs(self) -> Keys | None:
        """The keys, when all parts answer to them; the database is up to date then."""
        keys = read_keys(self.home.keys_file)
        if keys is None or not all(name in self.state.parts for name in PARTS):
            return None
        if not gateway.answers(self.state.parts["nginx"].port, keys):
            return None
        try:
            self._migrate(keys)
        except NoConnection as error:
            if error.full:
                raise
            return None
        return keys

    def _migrate(self, keys: Keys) -> None:
        with postgres.connect(
            self.state.parts["postgres"].port,
            user="postgres",
            password=keys.postgres_password,
            database=postgres.DATABASE,
        ) as connection:
            done = migrations.apply_pending(
                connection, folder=self.migrations_folder, progress=self.progress
            )
        self.report.migrations = [migration.version for migration in done]

    # Postgres

    def _postgres_stays(self, site: Site) -> bool:
        """Whether the server that runs can be used. One that cannot is stopped."""
        part = self.state.parts.get("postgres")
        if part is None:
            return False
        # An earlier command may have been interrupted while it waited for the one or the other.
        stopping = postgres.stage_of(site.data, part.pid) == "stopping"
        if not self.new_passwords and not stopping:
            process = processes.Process(part.pid, part.created)
            postgres.wait_ready(site.data, process, self._log("postgres"), self.progress)
            problem = self._problem_of_postgres(part, site.keys)
            if problem is None:
                return True
            if problem.full:
                raise problem
            self.new_passwords = problem.refused
            self.report.add_recovered("postgres")
            self.progress(f"postgres takes no connection ({problem.reason}): restarting it")
        self._stop("postgres", self.progress)
        return False

    def _problem_of_postgres(self, part: PartRecord, keys: Keys) -> NoConnection | None:
        deadline = time.monotonic() + postgres.READY_SECONDS
        while True:
            try:
                with postgres.connect(
                    part.port,
                    user="postgres",
                    password=keys.postgres_password,
                    database=postgres.DATABASE,
                    timeout=_ANSWER_SECONDS,
                ):
                    return None
            except NoConnection as error:
                # After the crash of a backend it recovers, though it still calls itself ready.
                if not error.changing or time.monotonic() > deadline:
                    return error
                time.sleep(processes.POLL_SECONDS)

    def _start_postgres(self, site: Site) -> None:
        self._recover_postgres(site)
        if not (site.data / "PG_VERSION").exists():
            self.progress("making the database (initdb)")
            postgres.initialise(
                site.data, binaries=site.binaries, keys=site.keys, run_as=site.run_as
            )
        elif self.new_passwords:
            self.progress("the database does not know keys.json: setting new passwords")
            postgres.set_admin_password(
                site.data,
                binaries=site.binaries,
                password=site.keys.supabase_admin_password,
                run_as=site.run_as,
            )
        self._launch_postgres(site)
        try:
            postgres.create_roles_and_database(self.state.parts["postgres"].port, site.keys)
        except NoConnection as error:
            if not error.refused or self.new_passwords:
                raise
            # A key file of another time, or of an `up` that was interrupted.
            self.new_passwords = True
            self._stop("postgres", silent)
            self._start_postgres(site)
            return
        if site.keys_are_new:
            confirm_keys(self.home.keys_file)
        # It retries a lost database with growing pauses; a new one connects at once.
        self._stop("postgrest", silent)

    def _launch_postgres(self, site: Site) -> None:
        self.progress("starting postgres")
        log = self._log("postgres")
        for port in self._database_ports():
            process = postgres.start(
                site.data, port=port, binaries=site.binaries, log=log, run_as=site.run_as
            )
            self._record("postgres", process, port, site.binaries.postgres_version)
            try:
                postgres.wait_ready(site.data, process, log, self.progress)
                return
            except StackError:
                self._stop("postgres", silent)
                if "postgres" in self.wanted or processes.port_is_free(port):
                    raise
        raise StackError("postgres found no free port.", hint=processes.tail(log))

    def _database_ports(self) -> Iterator[int]:
        """The wanted port, or some free ones: one that is free now may be taken in a moment."""
        if "postgres" in self.wanted:
            yield self.wanted["postgres"]
            return
        if "postgres" in self.former:
            yield self.former["postgres"]
        for _ in range(_START_ATTEMPTS):
            yield processes.free_port()

    def _recover_postgres(self, site: Site) -> None:
        server, orphans = postgres.servers_on(site.data)
        if server is not None:
            self.progress(f"postgres runs unrecorded (process {server.pid}): restarting it")
            end_postgres(server, site.data, self.progress)
        if orphans:
            self.progress(f"waiting for {len(orphans)} processes of the killed postgres to end")
            # They notice by themselves soon; one that computes does not, and may be ended.
            for process in orphans:
                if processes.wait_gone(process, 2):
                    continue
                processes.end(process, graceful=signal.SIGQUIT, patience=10)
        if postgres.forget_dead_server(site.data):
            self.report.add_recovered("postgres")
            self.progress("postgres was killed (stale pid file): recovered")

    # PostgREST and nginx

    def _start_api(self, site: Site) -> None:
        """Start PostgREST and nginx, the one whose upstream moved included."""
        self.progress("starting postgrest and nginx")
        part = self.state.parts.get("postgrest")
        if part is not None and not postgrest.is_fit(part.port, part.admin_port, site.keys):
            # It retries a lost database with growing pauses; a new one connects at once.
            self._stop("postgrest", silent)
        for attempt in range(_START_ATTEMPTS):
            try:
                self._try_start_api(site)
                return
            except StackError as error:
                # Somebody took a free port between our looking and our listening.
                clash = "in use" in str(error) and attempt < _START_ATTEMPTS - 1
                wanted = self.wanted.get("nginx")
                if not clash or (wanted and not processes.port_is_free(wanted)):
                    raise
                self._stop("nginx", silent)
                self._stop("postgrest", silent)

    def _try_start_api(self, site: Site) -> None:
        used = [part.port for part in self.state.parts.values()]
        nginx_part = self.state.parts.get("nginx")
        api_port = (
            self.wanted.get("nginx")
            or self.former.pop("nginx", None)
            or (nginx_part.port if nginx_part else processes.free_port(used))
        )
        started = None
        if "postgrest" not in self.state.parts:
            started = self._start_postgrest(site, api_port)
        # Its upstream may have another port now, and it starts in milliseconds.
        self._stop("nginx", silent)
        nginx = self._start_nginx(site, api_port)
        if started is not None:
            admin_port = self.state.parts["postgrest"].admin_port or 0
            postgrest.wait_ready(started, admin_port, self._log("postgrest"))
        gateway.wait_ready(nginx, api_port, site.keys, self._log("nginx"))

    def _start_postgrest(self, site: Site, api_port: int) -> processes.Process:
        db_port = self.state.parts["postgres"].port
        port = processes.free_port([api_port, db_port])
        admin_port = processes.free_port([api_port, db_port, port])
        process = postgrest.start(
            site.run,
            ports=postgrest.Ports(port, admin_port, db_port, api_port),
            keys=site.keys,
            binaries=site.binaries,
            log=self._log("postgrest"),
            run_as=site.run_as,
        )
        version = site.binaries.postgrest_version
        self._record("postgrest", process, port, version, admin_port)
        return process

    def _start_nginx(self, site: Site, port: int) -> processes.Process:
        process = gateway.start(
            site.run,
            port=port,
            upstream_ports=[self.state.parts["postgrest"].port],
            binaries=site.binaries,
            log=self._log("nginx"),
            run_as=site.run_as,
        )
        self._record("nginx", process, port, site.binaries.nginx_version)
        return process

    # What is written down

    def _record(
        self,
        name: str,
        process: processes.Process,
        port: int,
        version: str,
        admin_port: int | None = None,
    ) -> None:
        self.state.parts[name] = PartRecord(process.pid, process.created, port, version, admin_port)
        write_state(self.home.state_file, self.state)

    def _stop(self, name: str, progress: Progress) -> None:
        stop_part(self.home, self.state, name, progress)

    def _log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"
