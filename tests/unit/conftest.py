"""A client without a service: answers come from respx, or from a small HTTP server of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import respx
from respx.mocks import AbstractRequestMocker

from sharedstate import RetryPolicy, SharedState

URL = "http://service.test"
KEY = "an-opaque-key"
QUICK = RetryPolicy(attempts=5, base_s=0.0)


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the settings of the machine that it runs on."""
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "SHAREDSTATE_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


class Transports(AbstractRequestMocker):
    """Lets respx answer in place of the transports, sync and async, of our clients."""

    name = "sharedstate"
    targets: ClassVar[list[str]] = [
        "httpx.HTTPTransport",
        "httpx_aiohttp.AiohttpTransport",
    ]
    target_methods: ClassVar[list[str]] = ["handle_request", "handle_async_request"]

    @classmethod
    def to_httpx_request(cls, **kwargs: Any) -> httpx.Request:
        request: httpx.Request = kwargs["request"]
        return request

    @classmethod
    def from_sync_httpx_response(
        cls, httpx_response: httpx.Response, target: Any, **kwargs: Any
    ) -> httpx.Response:
        return httpx_response

    @classmethod
    async def from_async_httpx_response(
        cls, httpx_response: httpx.Response, target: Any, **kwargs: Any
    ) -> httpx.Response:
        return httpx_response


@pytest.fixture
def service() -> Iterator[respx.MockRouter]:
    """The service's HTTP side: `service.post("rpc/health").respond(json=...)`."""
    with respx.mock(
        base_url=f"{URL}/rest/v1/", assert_all_called=False, using=Transports.name
    ) as router:
        yield router


@pytest.fixture
def client() -> Iterator[SharedState]:
    """A client of `service` whose retries do not pause."""
    with SharedState("my-run", url=URL, key=KEY, workspace="robot", retry=QUICK) as state:
        yield state


@dataclass
class LocalServer:
    """A keep-alive HTTP server that counts what reaches it."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    open_connections: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    answer: Callable[[dict[str, Any]], Any] = lambda body: body

    def wait_until_no_connection_is_open(self) -> bool:
        """Whether all connections were closed within 10 s."""
        with self.changed:
            return self.changed.wait_for(lambda: self.open_connections == 0, timeout=10)


@pytest.fixture
def local_server() -> Iterator[LocalServer]:
    """A real server on a free port; it answers what `answer` makes of the JSON body."""
    server = LocalServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            with server.changed:
                server.open_connections += 1
                server.connections.add(self.client_address)

        def finish(self) -> None:
            super().finish()
            with server.changed:
                server.open_connections -= 1
                server.changed.notify_all()

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            if not text:
                return  # its client was interrupted before it sent more than the headers
            body = json.loads(text)
            with server.changed:
                server.bodies.append(body)
            content = json.dumps(server.answer(body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128  # as many threads may connect at once

    with Server(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def shared(local_server: LocalServer) -> SharedState:
    """A client of the local server."""
    return SharedState("my-run", url=local_server.url, key="key")
