"""HTTP clients for supabase-py that retry where it is safe, and raise our errors.

Only requests to `/rest/v1/` are treated so; auth and storage of supabase-py share the connections.
"""

from __future__ import annotations

import contextlib
import functools
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from sharedstate import errors
from sharedstate._arguments import seconds_of
from sharedstate._retry import RetryPolicy
from sharedstate._sending import Sending
from sharedstate.config import URL_HINT, Settings, workspace_header

# The database stops an agent's statement after 8 s, PostgREST stops waiting for a connection
# after 10 s: most slow answers are an error of theirs that says more than a timeout of ours.
READ_TIMEOUT_S = 15.0
# As many are kept as may be open: httpcore 1.0 may close what is over the first number though
# another thread has just been given it (encode/httpcore issue 1110).
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0)
# Raised before a byte of the request was on its way.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
FAILURES = (httpx.RequestError, httpx.InvalidURL)


class Service:
    """Where the service is, who we are to it, and when to try again: for both kinds of client."""

    def __init__(
        self, settings: Settings, timeout_seconds: float | None, retry: RetryPolicy | None
    ) -> None:
        self.settings = settings
        self.retry = retry or RetryPolicy()
        self.read_s = READ_TIMEOUT_S
        if timeout_seconds is not None:
            self.read_s = seconds_of(timeout_seconds, "timeout_seconds", 0.001, 86400.0)
        self.headers = {**workspace_header(settings.workspace), "User-Agent": "sharedstate"}
        if settings.token:
            self.headers["Authorization"] = f"Bearer {settings.token}"
        try:
            prefix = httpx.URL(f"{settings.url}/rest/v1/").raw_path
        except httpx.InvalidURL as problem:
            raise errors.InvalidArgument.of(
                "url", f"is no http(s) address ({problem})", value=settings.url, hint=URL_HINT
            ) from problem
        self._prefix = prefix
        # As supabase-py says it by itself: it takes every key for a token.
        self._sent_anyhow = {
            "apikey": settings.key,
            "Authorization": f"Bearer {settings.token or settings.key}",
        }
        self._pid = os.getpid()

    def options(self) -> dict[str, Any]:
        """How httpx is to connect."""
        parts = urlsplit(self.settings.url)
        host = parts.hostname or ""
        # No proxy of the environment for this machine itself.
        is_near = host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host)
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
        if proxy.startswith("socks") and not is_near:
            raise ImportError("aiohttp takes no SOCKS proxy, and renews the locks")
        return {
            "verify": _tls_context(parts.scheme),
            "limits": LIMITS,
            "timeout": self.read_s,
            "follow_redirects": True,
            "trust_env": not is_near,
        }

    def treats(self, request: httpx.Request) -> bool:
        """Whether a request goes to PostgREST."""
        return request.url.raw_path.startswith(self._prefix)

    def authorize(self, request: httpx.Request) -> None:
        """Say who we are, which may have changed since the client was made."""
        credentials, usual = self.settings.credentials, self._sent_anyhow["Authorization"]
        # Another Authorization is what somebody gave to supabase-py.
        if credentials != self._sent_anyhow and request.headers.get("Authorization") == usual:
            del request.headers["Authorization"]
            request.headers.update(credentials)

    def refuse_if_forked(self) -> None:
        """ClientForked in a child of the process that made the client."""
        if os.getpid() != self._pid:
            raise errors.ClientForked("this client belongs to the parent of this process")


class HttpClient(httpx.Client):
    """What `SharedState` gives supabase-py. Safe to share between threads."""

    def __init__(self, service: Service) -> None:
        self._service = service
        # Locked while the client is open. A signal handler may release it: it has no owner.
        self._open = threading.Lock()
        self._open.acquire()
        self._sending = threading.local()
        with naming_the_proxy():
            super().__init__(**service.options())
        self._take_pools_of(self)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request, with retries where that is safe. Raises our errors."""
        self._service.refuse_if_forked()
        self._refuse_reentry()
        self._sending.is_under_way = True
        try:
            if not self._service.treats(request):
                return self._send_once(request, options)
            return self._send(
                Sending(self._service, request), options | {"follow_redirects": False}
            )
        finally:
            self._sending.is_under_way = False

    def _send(self, sending: Sending, options: dict[str, Any]) -> httpx.Response:
        options["follow_redirects"] = False
        while True:
            sending.prepare()
            try:
                answer = self._send_once(sending.request, options)
                if sending.is_done(answer):
                    return answer
            except FAILURES as cause:
                pause_s = sending.after_failure(
                    cause, is_closed=self.is_closed, was_sent=not isinstance(cause, NOT_SENT)
                )
            except RuntimeError as cause:
                if type(cause) is not RuntimeError or not self.is_closed:
                    raise  # of a signal handler
                pause_s = sending.after_failure(cause, is_closed=True, was_sent=False)
            else:
                pause_s = sending.after_answer(answer)
            self.pause(pause_s)

    def _send_once(self, request: httpx.Request, options: dict[str, Any]) -> httpx.Response:
        try:
            return super().send(request, **options)
        except FAILURES:
            raise
        except BaseException:
            # Ctrl-C, or what a signal handler raised: a lock of a connection may be left taken.
            # Calls of other threads go on where they are.
            self._take_pools_of(httpx.Client(**self._service.options()))
            raise

    def _take_pools_of(self, client: httpx.Client) -> None:
        self._transport, self._mounts = client._transport, client._mounts
        for transport in (self._transport, *self._mounts.values()):
            if isinstance(transport, httpx.HTTPTransport):
                # httpcore's own is written in Python: what a signal handler raises between its
                # lines leaves it taken, and all who come later wait for ever, close() as well.
                transport._pool._optional_thread_lock = threading.Lock()  # type: ignore[assignment]

    def pause(self, seconds: float) -> None:
        """Sleep, but not past `close`."""
        if self._open.acquire(timeout=max(0.0, seconds)):
            self._end_pauses()

    def close(self) -> None:
        """Close every connection. Calls afterwards raise ClientClosed."""
        self._refuse_reentry()
        super().close()
        self._end_pauses()

    def _end_pauses(self) -> None:
        with contextlib.suppress(RuntimeError):  # another thread was faster
            self._open.release()

    def _refuse_reentry(self) -> None:
        # The pool's lock may be held below us, by the code that a signal interrupted.
        if getattr(self._sending, "is_under_way", False):
            raise errors.ReentrantCall("this thread is in the middle of another call")


@functools.cache
def _tls_context(scheme: str) -> ssl.SSLContext:
    """One for all clients of the process, because loading the certificates takes some 50 ms.

    Plain http needs none. It gets a context that trusts nobody, so that a redirect to https,
    which supabase-py would follow, fails instead of going unverified.
    """
    if scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context()


@contextmanager
def naming_the_proxy() -> Iterator[None]:
    """InvalidArgument for a proxy of the environment that httpx cannot use."""
    try:
        yield
    except (ValueError, ImportError, httpx.InvalidURL) as problem:
        # The value is not shown, nor what httpx quotes of it: it may hold a password.
        reason = str(problem) if isinstance(problem, ImportError) else "it is no such address"
        raise errors.InvalidArgument.of(
            "proxy",
            f"of the environment cannot be used ({reason})",
            hint="Correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY, or name the service's host in "
            "NO_PROXY.",
        ) from None
