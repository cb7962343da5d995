"""The other lock services, started from the machine's own packages, data in a folder of ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sharedstate_ops.stack.processes import free_port

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
ZOOKEEPER_JAR = Path("/usr/share/java/zookeeper.jar")
ZOOKEEPER_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"


class Unavailable(Exception):
    """A peer that cannot be measured here; the message is the reason."""


@dataclass(frozen=True)
class Peers:
    """Ports of the servers that run; for each of the others the reason why it does not."""

    ports: dict[str, int]
    missing: dict[str, str]

    def port(self, name: str) -> int:
        """Where it listens; Unavailable when it does not run."""
        if name not in self.ports:
            raise Unavailable(self.missing[name])
        return self.ports[name]


def start_all(folder: Path, closing: ExitStack) -> Peers:
    """Start whatever is installed; it is stopped when `closing` ends."""
    peers = Peers({}, {})
    starters: dict[str, Callable[[Path, int], subprocess.Popen[bytes]]] = {
        "redis": lambda data, port: _redis(data, port, "no"),
        "redis, AOF": lambda data, port: _redis(data, port, "yes"),
        "etcd": _etcd,
        "zookeeper": _zookeeper,
    }
    for name, start in starters.items():
        data = folder / name.replace(", ", "-")
        data.mkdir()
        try:
            port = free_port()
            process = start(data, port)
            closing.callback(_stop, process)
            _await_port(process, port, data)
            peers.ports[name] = port
        except Unavailable as reason:
            peers.missing[name] = str(reason)
    return peers


def _redis(data: Path, port: int, append_only: str) -> subprocess.Popen[bytes]:
    if find_spec("redis") is None:
        raise Unavailable("redis-py not found (pip install -e '.[bench]')")
    # With "no" these are its defaults: an answer comes before anything is on disk.
    server = _program("redis-server", "redis-server")
    command = [server, "--port", str(port), "--bind", HOST, "--dir", str(data)]
    return _spawn([*command, "--appendonly", append_only, "--appendfsync", "always"], data)


def _etcd(data: Path, port: int) -> subprocess.Popen[bytes]:
    server = _program("etcd", "etcd-server")
    clients = f"http://{HOST}:{port}"
    members = f"http://{HOST}:{free_port([port])}"
    command = [server, f"--data-dir={data / 'data'}"]
    command += [f"--listen-client-urls={clients}", f"--advertise-client-urls={clients}"]
    command += [f"--listen-peer-urls={members}", f"--initial-advertise-peer-urls={members}"]
    return _spawn([*command, f"--initial-cluster=default={members}"], data)


def _zookeeper(data: Path, port: int) -> subprocess.Popen[bytes]:
    java = _program("java", "default-jre-headless")
    if not ZOOKEEPER_JAR.exists():
        raise Unavailable(f"{ZOOKEEPER_JAR} not found (Debian package zookeeper)")
    # Its default is to force the transaction log to disk before it answers (forceSync=yes).
    config = data / "zoo.cfg"
    config.write_text(
        f"tickTime=2000\ndataDir={data / 'data'}\nclientPort={port}\n"
        f"clientPortAddress={HOST}\nadmin.enableServer=false\n",
        encoding="utf-8",
    )
    return _spawn([java, "-cp", f"{data}:{ZOOKEEPER_JAR}", ZOOKEEPER_MAIN, str(config)], data)


def _program(name: str, package: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"{name} not found (Debian package {package})")
    return path


def _spawn(command: Sequence[str], data: Path) -> subprocess.Popen[bytes]:
    with (data / "log").open("wb") as log:
        return subprocess.Popen(
            command, cwd=data, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ
        )


def _await_port(process: subprocess.Popen[bytes], port: int, data: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as attempt:
            if attempt.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.05)
    tail = (data / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
    raise Unavailable(f"did not start: {' '.join(tail)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
