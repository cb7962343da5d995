"""The sync client's connections: HTTP/1.1 by the standard library, behind httpx's interface.

`httpx.HTTPTransport` speaks HTTP in pure Python (h11), which is most of what an RPC costs a client
that waits between calls, with cold caches: 1.1 ms of CPU time, where bare http.client takes 0.5
and this 0.8. It is an `httpx.BaseTransport`, so `state.supabase` runs on the same connections.
"""

from __future__ import annotations

import select
import ssl
import threading
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection

import httpx

KEEP_AT_MOST = 40
KEEP_S = 30.0  # nginx closes after 75 s: we never reuse what it is about to close
Origin = tuple[str, str, int | None]


class Connections(httpx.BaseTransport):
    """Kept connections, each used by one thread at a time. Raises what httpx's own would."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._idle: list[tuple[Origin, HTTPConnection, float]] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the whole answer."""
        origin = (request.url.scheme, request.url.host, request.url.port)
        timeout = request.extensions.get("timeout", {})
        connection = self._take(origin) or self._connect(origin, timeout.get("connect"), request)
        try:
            connection.sock.settimeout(timeout.get("read"))
            answer = _exchange(connection, request)
        except BaseException:
            connection.close()
            raise
        self._give_back(origin, connection)
        return answer

    def close(self) -> None:
        """Close what is idle now, and what is in use as soon as it is done."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for _, connection, _ in idle:
            connection.close()

    def _take(self, origin: Origin) -> HTTPConnection | None:
        """The connection that was used last, if the server has not closed it meanwhile."""
        while True:
            with self._lock:
                place = next(
                    (n for n in reversed(range(len(self._idle))) if self._idle[n][0] == origin),
                    None,
                )
                if place is None:
                    return None
                _, connection, since = self._idle.pop(place)
            if time.monotonic() - since < KEEP_S and not _is_readable(connection):
                return connection
            connection.close()

    def _give_back(self, origin: Origin, connection: HTTPConnection) -> None:
        if connection.sock is None:
            return  # the server asked to close
        with self._lock:
            if not self._is_closed:
                self._idle.append((origin, connection, time.monotonic()))
                surplus = self._idle.pop(0)[1] if len(self._idle) > KEEP_AT_MOST else None
            else:
                surplus = connection
        if surplus is not None:
            surplus.close()

    def _connect(
        self, origin: Origin, timeout_s: float | None, request: httpx.Request
    ) -> HTTPConnection:
        scheme, host, named_port = origin
        # Without a port http.client looks for one in the host, and takes "::1" for port 1 of ":".
        port = named_port or (443 if scheme == "https" else 80)
        if scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                host, port, timeout=timeout_s, context=self._tls
            )
        elif scheme == "http":
            connection = HTTPConnection(host, port, timeout=timeout_s)
        else:
            raise httpx.UnsupportedProtocol(f"no such protocol: {scheme!r}", request=request)
        try:
            connection.connect()
        except TimeoutError as cause:
            connection.close()
            raise httpx.ConnectTimeout(str(cause) or "timed out", request=request) from cause
        except (OSError, UnicodeError) as cause:
            connection.close()
            raise httpx.ConnectError(str(cause), request=request) from cause
        return connection


def _exchange(connection: HTTPConnection, request: httpx.Request) -> httpx.Response:
    try:
        connection.putrequest(
            request.method,
            request.url.raw_path.decode("ascii"),
            skip_host=True,
            skip_accept_encoding=True,
        )
        for name, value in request.headers.raw:
            connection.putheader(name, value)
    except ValueError as cause:  # a newline in a header
        raise httpx.LocalProtocolError(str(cause), request=request) from cause
    try:
        connection.endheaders(request.read() or None)  # one packet with the headers
        answer = connection.getresponse()
        content = answer.read()
    except TimeoutError as cause:
        raise httpx.ReadTimeout(str(cause) or "timed out", request=request) from cause
    except HTTPException as cause:
        raise httpx.RemoteProtocolError(repr(cause), request=request) from cause
    except OSError as cause:
        raise httpx.ReadError(str(cause), request=request) from cause
    return httpx.Response(
        answer.status, headers=answer.getheaders(), content=content, request=request
    )


def _is_readable(connection: HTTPConnection) -> bool:
    """Whether the idle connection has something to say: it can only be that it was closed."""
    if not hasattr(select, "poll"):  # on Windows, where select takes any socket
        return bool(select.select([connection.sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
