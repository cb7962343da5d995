"""Where the time of an uncontended acquire and release goes, by differences."""

from __future__ import annotations

from contextlib import ExitStack

from measure import Timing, in_turns
from one_rpc import BareClient, pgbench
from pairs import AGENT, EXECUTION, TTL_SECONDS, rpc_pair, shared_state
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo

PAIR = (
    "select * from public.acquire_lock("
    f"'bench', 'bench-sql', '{AGENT}', '{EXECUTION}', {TTL_SECONDS}, 0, 3, gen_random_uuid());\n"
    "select * from public.release_lock("
    f"'bench', 'bench-sql', '{EXECUTION}', null, gen_random_uuid());"
)
EMPTY_PAIR = "select 1;\nselect 1;"


def measure(info: StackInfo, state: SharedState, rounds: int) -> dict[str, Timing]:
    """What each way takes, the longest first."""
    with ExitStack() as closing:
        gateway = BareClient.of_gateway(info)
        direct = BareClient(info.postgrest_url, info.agent_key)
        closing.callback(gateway.close)
        closing.callback(direct.close)
        timings = in_turns(
            {
                "SharedState": shared_state(state),
                "http.client": rpc_pair(gateway, "bench-gateway"),
                "http.client without the gateway": rpc_pair(direct, "bench-direct"),
                "health twice, http.client without the gateway": lambda: (
                    direct.call("health", {}),
                    direct.call("health", {}),
                ),
            },
            rounds,
        )
    timings["SQL by pgbench"] = pgbench(info, PAIR, rounds)
    off = {"synchronous_commit": "off"}
    timings["SQL by pgbench, synchronous_commit=off"] = pgbench(info, PAIR, rounds, settings=off)
    timings["two empty statements by pgbench"] = pgbench(info, EMPTY_PAIR, rounds)
    return timings


def shares(timings: dict[str, Timing]) -> dict[str, float]:
    """Milliseconds at p50 by part: each is what one way takes longer than the next."""
    steps = {
        "Python client": ("SharedState", "http.client"),
        "gateway": ("http.client", "http.client without the gateway"),
        "PostgREST and http.client": ("http.client without the gateway", "SQL by pgbench"),
        "commit (fsync)": ("SQL by pgbench", "SQL by pgbench, synchronous_commit=off"),
        "SQL functions": (
            "SQL by pgbench, synchronous_commit=off",
            "two empty statements by pgbench",
        ),
    }
    parts = {
        part: timings[longer].p50_ms - timings[shorter].p50_ms
        for part, (longer, shorter) in steps.items()
    }
    return {**parts, "round trips to Postgres": timings["two empty statements by pgbench"].p50_ms}
