"""One RPC by four ways: SharedState, bare supabase-py, http.client, pgbench."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from supabase import ClientOptions, create_client

from measure import Timing, in_turns
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.binaries import postgres_program

EXECUTION = "bench-1"
AGENT = "bench_agent"
ACTIVITY = "measured"
DETAILS = {"bones": 6}
SUPABASE = "supabase-py"
SCRIPTS = {
    "log_agent_activity": (
        "select * from public.log_agent_activity("
        "'bench_agent', 'measured', '{\"bones\": 6}', 'bench-1', gen_random_uuid());"
    ),
    "health": "select * from public.health();",
}

# What a status costs, and what the same row costs without checks, merging, budgets, conflicts, a
# log entry and a request id.
UPSERTS = {
    "update_subsystem_status": (
        "select * from public.update_subsystem_status("
        "'skeleton', '{\"state\": \"designing\", \"current_mass_kg\": 12.5}', 'bench-1', "
        "request_id => gen_random_uuid());"
    ),
    "plain insert ... on conflict do update": (
        "insert into public.subsystems as s (workspace, name, state, current_mass_kg) "
        "values ('default', 'skeleton', 'designing', 12.5) on conflict (workspace, name) do update "
        "set state = excluded.state, current_mass_kg = excluded.current_mass_kg, "
        "version = s.version + 1, updated_at = clock_timestamp() returning *;"
    ),
}


def measure(info: StackInfo, state: SharedState, rounds: int) -> dict[str, dict[str, Timing]]:
    """Timings by function and by way."""
    bare = BareClient.of_gateway(info)
    with httpx.Client(timeout=15) as plain:
        supabase = create_client(
            info.url, info.agent_key, ClientOptions(httpx_client=plain, persist_session=False)
        )
        by_function: dict[str, dict[str, Callable[[], object]]] = {
            "log_agent_activity": {
                "SharedState": lambda: state.log_agent_activity(AGENT, ACTIVITY, DETAILS),
                SUPABASE: lambda: supabase.rpc("log_agent_activity", _entry()).execute(),
                "http.client": lambda: bare.call("log_agent_activity", _entry()),
            },
            "health": {
                "SharedState": state.health,
                SUPABASE: lambda: supabase.rpc("health", {}).execute(),
                "http.client": lambda: bare.call("health", {}),
            },
        }
        timings = {name: in_turns(ways, rounds) for name, ways in by_function.items()}
    bare.close()
    for name, script in SCRIPTS.items():
        timings[name]["pgbench"] = pgbench(info, script, rounds)
    return timings


def upserts(info: StackInfo, rounds: int) -> dict[str, Timing]:
    """A status by our function and by plain SQL."""
    return {way: pgbench(info, script, rounds) for way, script in UPSERTS.items()}


def _entry() -> dict[str, object]:
    return {
        "agent_name": AGENT,
        "activity": ACTIVITY,
        "details": DETAILS,
        "execution_id": EXECUTION,
        "request_id": str(uuid4()),
    }


class BareClient:
    """The least that Python needs for an RPC: one kept connection, JSON in, JSON out."""

    def __init__(self, url: str, key: str) -> None:
        """`url` is that of PostgREST, or of the path by which a gateway passes on to it."""
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.netloc)
        self._path = address.path.rstrip("/")
        self._headers = {
            "apikey": key,
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
        }

    @classmethod
    def of_gateway(cls, info: StackInfo) -> BareClient:
        """An agent's, by the way that every client takes."""
        return cls(f"{info.url}/rest/v1", info.agent_key)

    def call(self, function: str, arguments: Mapping[str, object]) -> Any:
        """The parsed answer; RuntimeError unless it is a success."""
        path = f"{self._path}/rpc/{function}"
        self._connection.request("POST", path, json.dumps(arguments), self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{function}: {answer.status} {body[:500]!r}")
        return json.loads(body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def pgbench(
    info: StackInfo, script: str, rounds: int, *, settings: Mapping[str, str] | None = None
) -> Timing:
    """One client, prepared statements; each run's latency from pgbench's own log."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "script.sql"
        file.write_text(script, encoding="utf-8")
        program = str(postgres_program("pgbench"))
        command = [program, "--no-vacuum", "--protocol=prepared", "--client=1"]
        command += [f"--transactions={rounds}", "--log", f"--log-prefix={folder}/log"]
        options = " ".join(f"-c {name}={value}" for name, value in (settings or {}).items())
        subprocess.run(
            [*command, f"--file={file}", info.database_url],
            check=True,
            capture_output=True,
            env={**os.environ, "PGOPTIONS": options},
        )
        lines = next(Path(folder).glob("log.*")).read_text(encoding="utf-8").splitlines()
    # client, transaction, latency in microseconds, ...
    return Timing.of([int(line.split()[2]) / 1000 for line in lines])
