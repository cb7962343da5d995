"""A home of its own with the commands that act on it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.forking import run_forked

from sharedstate_ops.stack import Stack, processes
from sharedstate_ops.stack.paths import Home
from sharedstate_ops.stack.site import make_folder
from sharedstate_ops.stack.state import PartRecord, StackState, read_state, write_state

PROGRAM = "from sharedstate_ops.cli import app; app()"
SCRATCH_MIGRATION = """
create function public.health() returns jsonb language sql stable set search_path = ''
  as $$ select '{"status": "ok"}'::jsonb; $$;
create table public.notes (id integer primary key, body text);
grant all on public.notes to service_role;
create function public.broken() returns void language plpgsql set search_path = ''
  as $$ begin raise sqlstate 'PT503' using message = 'made_by_postgrest'; end; $$;
"""


def make_template(root: Path, migrations_folder: Path | None = None) -> Path:
    """What a stack leaves that ran and was stopped."""
    stack = Stack(root, migrations_folder=migrations_folder)
    try:
        stack.up()
    finally:
        stack.down()
    return stack.home.dir


def copy_template(template: Path, root: Path) -> None:
    """A stopped stack in a home that has none: a second faster than making one."""
    home = root / ".sharedstate"
    if not home.exists():
        home.mkdir(mode=0o700)
        kept = [template / "postgres", template / "keys.json"]
        subprocess.run(["cp", "--archive", "--reflink=auto", *kept, home], check=True)


def two_free_ports() -> tuple[int, int]:
    """For the database and the API: never the same one twice."""
    first = processes.free_port()
    return first, processes.free_port([first])


@dataclass
class Installation:
    """One home with the commands that act on it.

    With a `template` the first command that starts the stack finds a copy of it.
    """

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    ports: tuple[int, int] = field(default_factory=two_free_ports)
    template: Path | None = None

    def command(self, *arguments: str) -> list[str]:
        if arguments[:1] in (("up",), ("demo",)):
            self._require_own_ports(arguments)
        if self.template and arguments[:1] in (("up",), ("demo",)):
            copy_template(self.template, self.root)
        return [*self.prefix, sys.executable, "-c", PROGRAM, *arguments]

    def _require_own_ports(self, arguments: tuple[str, ...]) -> None:
        """A test that left one to its default would fail wherever somebody's own stack runs."""
        state = read_state(self.root / ".sharedstate" / "state.json")
        for option, part in (("--db-port", "postgres"), ("--api-port", "nginx")):
            known = option in arguments or part in state.ports or part in state.parts
            assert known, f"without {option} it would take the default port"

    def run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run `sharedstate` in this home, as somebody would type it."""
        command, environment = self.command(*arguments), self.clean_environment()
        if not self.prefix:
            return run_forked(
                PROGRAM, *arguments, folder=self.root, environment=environment, timeout=timeout
            )
        return subprocess.run(
            command,
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def start(self, *arguments: str, stderr: int) -> subprocess.Popen[str]:
        """The same without waiting for its end; `stderr` as subprocess has it."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=self.clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def clean_environment(self) -> dict[str, str]:
        """Ours without what would point the commands at another database or home."""
        ours = ("DATABASE_URL", "SUPABASE_", "SHAREDSTATE_HOME", "SHAREDSTATE_WORKSPACE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return kept | self.environment

    def choose_ports(self) -> None:
        """As after an `up` on this installation's own ports, and a `down`."""
        home = Home(self.root)
        if self.template:
            copy_template(self.template, self.root)
        make_folder(home)
        chosen = dict(zip(("postgres", "nginx"), self.ports, strict=True))
        write_state(home.state_file, StackState(ports=chosen))

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`sharedstate up` on this installation's own ports."""
        db_port, api_port = map(str, self.ports)
        return self.run("up", "--db-port", db_port, "--api-port", api_port, *arguments)

    def part(self, name: str) -> PartRecord:
        return read_state(self.root / ".sharedstate" / "state.json").parts[name]

    def process(self, name: str) -> psutil.Process:
        """The living process of a part."""
        return Stack(self.root).living()[name]

    def kill(self, name: str) -> int:
        """kill -9 of one part; returns its pid when it is gone."""
        process = self.process(name)
        process.kill()
        assert processes.wait_gone(process, 10)
        return process.pid


def clean_up(root: Path) -> None:
    """Stop what runs in a home."""
    if (root / ".sharedstate").is_dir():
        Stack(root).down()
