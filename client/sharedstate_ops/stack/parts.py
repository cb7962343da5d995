"""Starting and stopping the parts of one home, and what is wrong with one that runs."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

from sharedstate_ops.stack import gateway, migrations, postgres, postgrest, processes
from sharedstate_ops.stack.connections import connect
from sharedstate_ops.stack.errors import NoConnection, Progress, silent
from sharedstate_ops.stack.keys import Keys
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.site import Site, prepare
from sharedstate_ops.stack.state import PARTS, PartRecord, StackState, living_parts, write_state

# How long to wait for a server that runs and says nothing.
_ANSWER_SECONDS = 15.0
_HEALTH = {"postgrest": "/rpc/health", "nginx": "/rest/v1/rpc/health"}
_SIGNALS = {
    # The fast shutdown: sessions are ended, nothing is lost. The immediate one when that hangs, as
    # it does (up to Postgres 17) while the server recovers from the crash of a backend.
    "postgres": ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0)),
    "postgrest": ((signal.SIGTERM, 5.0),),
    # First the graceful shutdown: calls under way are answered.
    "nginx": ((signal.SIGQUIT, 5.0), (signal.SIGTERM, 5.0)),
}


@dataclass
class UpReport:
    """What the last `up` did."""

    already_running: bool = False
    recovered: set[str] = field(default_factory=set)


class PartStatus(NamedTuple):
    """One part. `detail` says why it does not run; empty when it does."""

    name: str
    running: bool
    port: int | None = None
    version: str | None = None
    pid: int | None = None
    detail: str = ""


def examine(name: str, part: PartRecord | None, *, lives: bool, keys: Keys | None) -> PartStatus:
    """Look at the process, then ask the part itself."""
    if part is None:
        # Keys are made by the first start.
        return PartStatus(name, running=False, detail="stopped" if keys else "not started")
    if not lives:
        killed = f"killed: no process {part.pid}"
        return PartStatus(name, False, part.port, part.version, detail=killed)
    problem = "keys.json is missing: `sharedstate up` makes new ones"
    if keys is not None:
        problem = _problem(name, part, keys)
    detail = f"the process lives, but {problem}" if problem else ""
    return PartStatus(name, not problem, part.port, part.version, part.pid, detail)


def _problem(name: str, part: PartRecord, keys: Keys) -> str:
    if name == "postgres":
        try:
            with connect(keys.address(part.port), timeout=3):
                return ""
        except NoConnection as error:
            return f"it is not ready: {error.reason}"
    return postgrest.fault(part.port, keys, _HEALTH[name])


def stop_part(home: Home, state: StackState, name: str, progress: Progress) -> bool:
    """Stop one part, written down or not, and forget it; False when it did not run."""
    process = living_parts(home).get(name)
    if process is not None:
        progress(f"stopping {name}")
        if processes.end(process, *_SIGNALS[name]) != _SIGNALS[name][0][0] and name == "postgres":
            progress("postgres did not end: ending it as in a crash; the next start recovers")
    if state.parts.pop(name, None):
        write_state(home.state_file, state)
    return process is not None


def stop_all(home: Home, state: StackState, progress: Progress) -> bool:
    """Stop every part; False when nothing ran."""
    stopped = [stop_part(home, state, name, progress) for name in reversed(PARTS)]
    _end_orphans(home.data, progress)
    return any(stopped)


def _end_orphans(data: Path, progress: Progress) -> None:
    orphans = postgres.orphans(data)
    if orphans:
        progress(f"waiting for {len(orphans)} processes of the killed postgres to end")
    for process in orphans:
        # They notice by themselves soon; one that computes does not, and may be ended.
        if not processes.wait_gone(process, 2):
            processes.end(process, (signal.SIGQUIT, 10.0))


@dataclass
class Start:
    """One `up` under way, from what lives to what answers. Its caller holds the home's lock.

    `wanted` ports are insisted on. For the others any free one will do, the one before first, so
    that a part that was killed comes back where they look for it.
    """

    home: Home
    state: StackState
    report: UpReport
    progress: Progress
    wanted: dict[str, int]
    migrations_folder: Path | None = None

    def run(self) -> None:
        """Start what does not run, apply the migrations, wait until requests are answered."""
        site = prepare(self.home, self.progress)
        stays = self._postgres_stays(site.keys)
        if not stays:
            self._start_postgres(site)
        address = site.keys.address(self.state.parts["postgres"].port)
        with connect(address) as connection:
            migrations.apply_pending(
                connection, folder=self.migrations_folder, progress=self.progress
            )
        if stays and self._api_stays(site.keys):
            self.report.already_running = True
            return
        # Both: PostgREST retries a lost database with growing pauses, a new one connects at once;
        # and nginx has PostgREST's port in its configuration.
        self.progress("starting postgrest and nginx")
        self._start_api(site)

    def _postgres_stays(self, keys: Keys) -> bool:
        """Whether the server that runs can be used. One that cannot is stopped."""
        process = living_parts(self.home).get("postgres")
        if process is None:
            return False
        address = keys.address(self.state.parts["postgres"].port)
        try:
            self._await_postgres(process, address, _ANSWER_SECONDS)
            return True
        except NoConnection as error:
            if error.full:
                raise
            self.progress(f"postgres takes no connection ({error.reason}): restarting it")
        self.report.recovered.add("postgres")
        self._stop("postgres")
        return False

    def _await_postgres(
        self, process: psutil.Process, address: str, patience: float | None = None
    ) -> None:
        log = self.home.logs / "postgres.log"
        postgres.wait_ready(process, address, log, progress=self.progress, patience=patience)

    def _api_stays(self, keys: Keys) -> bool:
        parts, living = self.state.parts, living_parts(self.home)
        for name in ("postgrest", "nginx"):
            if name not in parts or name not in living:
                return False
            if _problem(name, parts[name], keys):
                self.progress(f"{name} does not answer as it should: restarting it")
                self.report.recovered.add(name)
                return False
        return True

    def _start_postgres(self, site: Site) -> None:
        _end_orphans(site.home.data, self.progress)
        pid_file = site.home.data / "postmaster.pid"
        if pid_file.exists():
            pid_file.unlink()
            self.report.recovered.add("postgres")
            self.progress("postgres was killed (stale pid file): recovered")
        if not (site.home.data / "PG_VERSION").exists():
            self.progress("making the database (initdb)")
            postgres.initialise(site)
        site.run_as.give(site.home.data)
        self.progress("starting postgres")
        port = self._port("postgres")
        try:
            self._launch_postgres(site, port)
        except NoConnection as error:
            if not error.refused:
                raise
            # They were lost and made anew, or are of another time.
            self.progress("the database does not know keys.json: setting new passwords")
            self._stop("postgres")
            postgres.set_admin_password(site)
            self._launch_postgres(site, port)
        postgres.create_roles_and_database(port, site.keys)

    def _launch_postgres(self, site: Site, port: int) -> None:
        process = postgres.start(site, port)
        self._record(site, "postgres", process.pid, port)
        self._await_postgres(process, site.keys.address(port, "supabase_admin", "postgres"))

    def _start_api(self, site: Site) -> None:
        db_port, api_port = self.state.parts["postgres"].port, self._port("nginx")
        self._stop("nginx")
        self._stop("postgrest")
        port = processes.free_port([api_port, db_port])
        rest = postgrest.start(site, postgrest.Ports(port, db_port, api_port))
        self._record(site, "postgrest", rest.pid, port)
        nginx = gateway.start(site, api_port, [port])
        self._record(site, "nginx", nginx.pid, api_port)

    def _port(self, name: str) -> int:
        """The port that is wanted, else that of the part before, else a free one."""
        before = self.state.parts.get(name)
        return self.wanted.get(name) or (before.port if before else processes.free_port())

    def _record(self, site: Site, name: str, pid: int, port: int) -> None:
        self.state.parts[name] = PartRecord(pid, port, site.binaries.versions[name])
        write_state(self.home.state_file, self.state)

    def _stop(self, name: str) -> None:
        stop_part(self.home, self.state, name, silent)
