"""Uncontended acquire and release: ours by two ways, and the other lock services."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

from measure import Timing, in_turns
from one_rpc import BareClient
from peers import Peers, Unavailable
from sharedstate import SharedState
from sharedstate_ops.stack import StackInfo
from sharedstate_ops.stack.connections import connect

AGENT = "bench_agent"
EXECUTION = "bench-1"
RESOURCE = "bench"
TTL_SECONDS = 300
ON_DISK = "on disk (WAL fsync)"

Pair = Callable[[], object]


@dataclass(frozen=True)
class Result:
    """What a way took, or why it could not be measured."""

    durability: str
    timing: Timing | None
    reason: str = ""


def measure(info: StackInfo, state: SharedState, peers: Peers, rounds: int) -> dict[str, Result]:
    """Results by way, all measured in turns."""
    makers: dict[str, tuple[str, Callable[[ExitStack], Pair]]] = {
        "SharedState.acquire_lock": (ON_DISK, lambda _: shared_state(state)),
        "SharedState.lock": (ON_DISK, lambda _: state_lock(state)),
        "http.client": (ON_DISK, lambda closing: http_client(info, closing)),
        "psycopg2, two statements": (ON_DISK, lambda closing: table(info, closing)),
        "python-etcd3 Lock, etcd": (
            "on disk (WAL fsync)",
            lambda closing: etcd_lock(peers.port("etcd"), closing),
        ),
        "kazoo Lock, ZooKeeper": (
            "on disk (log fsync)",
            lambda closing: kazoo_lock(peers.port("zookeeper"), closing),
        ),
        "redis-py Lock, Redis": (
            "no: in memory",
            lambda closing: redis_lock(peers.port("redis"), closing),
        ),
        "redis-py Lock, AOF": (
            "on disk (AOF fsync)",
            lambda closing: redis_lock(peers.port("redis, AOF"), closing),
        ),
    }
    contestants: dict[str, Pair] = {}
    reasons: dict[str, str] = {}
    with ExitStack() as closing:
        for way, (_, make) in makers.items():
            try:
                contestants[way] = make(closing)
            except Unavailable as reason:
                reasons[way] = str(reason)
            except ImportError as problem:
                reasons[way] = f"{problem} (pip install -e '.[bench]')"
        timings = in_turns(contestants, rounds)
    return {
        way: Result(durability, timings.get(way), reasons.get(way, ""))
        for way, (durability, _) in makers.items()
    }


def shared_state(state: SharedState) -> Pair:
    """Ours, as an agent calls it."""

    def pair() -> None:
        granted(state.acquire_lock("bench", RESOURCE, AGENT, TTL_SECONDS))
        granted(state.release_lock("bench", RESOURCE))

    return pair


def state_lock(state: SharedState) -> Pair:
    """Ours as a lock object, which is renewed in the background while it is held."""

    def pair() -> None:
        with state.lock("bench", "bench-object", AGENT, TTL_SECONDS):
            pass

    return pair


def http_client(info: StackInfo, closing: ExitStack) -> Pair:
    """Ours, by the least that Python can do."""
    bare = BareClient.of_gateway(info)
    closing.callback(bare.close)
    return rpc_pair(bare, "bench-bare")


def rpc_pair(bare: BareClient, resource: str) -> Pair:
    """Both RPCs, with what the Python client sends as well: token and request ids."""
    key = {"resource_type": "bench", "resource_name": resource, "execution_id": EXECUTION}

    def pair() -> None:
        asked = {**key, "agent_name": AGENT, "ttl_seconds": TTL_SECONDS, "request_id": new_id()}
        lease = bare.call("acquire_lock", asked)[0]
        token = lease["fencing_token"]
        done = {**key, "fencing_token": token, "request_id": new_id()}
        granted(bare.call("release_lock", done))

    return pair


def table(info: StackInfo, closing: ExitStack) -> Pair:
    """What one would write oneself: a row with an expiry; no queue, tokens or repetition."""
    connection = closing.enter_context(connect(info.database_url))
    connection.execute("create schema if not exists bench")
    connection.execute(
        "create table if not exists bench.locks (resource_type text, resource_name text,"
        " holder text not null, token uuid not null, expires_at timestamptz not null,"
        " primary key (resource_type, resource_name))"
    )
    acquire = (
        "insert into bench.locks as l values ('bench', %s, %s, gen_random_uuid(),"
        " clock_timestamp() + make_interval(secs => %s))"
        " on conflict (resource_type, resource_name) do update set holder = excluded.holder,"
        " token = excluded.token, expires_at = excluded.expires_at"
        " where l.expires_at <= clock_timestamp() returning token"
    )
    release = "delete from bench.locks where resource_type = 'bench' and token = %s"

    def pair() -> None:
        row = connection.execute(acquire, (RESOURCE, AGENT, TTL_SECONDS)).fetchone()
        granted(row is not None and connection.execute(release, row).rowcount)

    return pair


def etcd_lock(port: int, closing: ExitStack) -> Pair:
    """python-etcd3: a lease of its own for each acquire, one transaction, and one more."""
    # Its generated code predates protobuf 4 and is only understood by the pure Python reader.
    os.environ.setdefault("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python")
    import etcd3

    client = etcd3.client(port=port)
    closing.callback(client.close)

    def pair() -> None:
        lock = client.lock(RESOURCE, ttl=TTL_SECONDS)
        granted(lock.acquire())
        granted(lock.release())

    return pair


def kazoo_lock(port: int, closing: ExitStack) -> Pair:
    """kazoo's recipe: an ephemeral node in line."""
    from kazoo.client import KazooClient

    client = KazooClient(f"127.0.0.1:{port}")
    client.start()
    closing.callback(client.close)
    closing.callback(client.stop)

    def pair() -> None:
        lock = client.Lock("/bench", AGENT)
        granted(lock.acquire())
        granted(lock.release())

    return pair


def redis_lock(port: int, closing: ExitStack) -> Pair:
    """redis-py's default: SET NX with an expiry, and a script that compares and deletes."""
    import redis

    client = redis.Redis(port=port)
    closing.callback(client.close)

    def pair() -> None:
        lock = client.lock(RESOURCE, timeout=TTL_SECONDS)
        granted(lock.acquire())
        lock.release()

    return pair


def granted(answer: object) -> None:
    """Nobody else is there: each acquire and release has to succeed."""
    if not answer:
        raise RuntimeError("nobody else should hold this lock")


def new_id() -> str:
    """A request id."""
    return str(uuid4())
