"""Sending calls over the connections of one client, with retries. Its twin: transport_async.py.

Our own calls are built as `httpx.Request` and go straight to a transport of httpx's kind, past
postgrest's builder (yarl URLs, merged headers, pydantic) and `httpx.Client.send` (cookies, auth,
redirects, hooks: nothing of it is ours). Here that is `Connections`, or behind a proxy httpx's own,
and `AiohttpTransport` in the twin. An `httpx.Client` is made for `state.supabase` alone,
the full supabase-py client, on the same connections.
"""

from __future__ import annotations

import functools
import math
import random
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from sharedstate import errors
from sharedstate.calls.arguments import seconds_of
from sharedstate.config import URL_HINT, Settings, workspace_header
from sharedstate.forks import renew_after_fork
from sharedstate.http import answers
from sharedstate.http.call import Call
from sharedstate.http.connections import Connections
from sharedstate.http.retry import Attempts, RetryPolicy, unknown
from sharedstate.readers import UnexpectedAnswer

if TYPE_CHECKING:
    from supabase import Client

T = TypeVar("T")
# The database stops an agent's statement after 8 s, PostgREST stops waiting for a connection
# after 10 s: most slow answers are an error of theirs that says more than a timeout of ours.
READ_TIMEOUT_S = 15.0
_CONNECT_TIMEOUT_S = 3.0
# How long the answer of a call may take beyond the end of the wait that it belongs to: a second
# behind a long write, which `acquire_lock` may wait for, and two for a busy service.
GRACE_S = 3.0
# As many are kept as may be open: what is over the first number is closed as soon as it is idle,
# which costs a third of the calls with 100 threads, and httpcore 1.0 may close one that another
# thread has just been given (encode/httpcore issue 1110).
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0)
# Raised before a byte of the request was on its way.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
FAILURES = (httpx.RequestError, errors.ClientClosed)


@functools.cache
def tls_context(scheme: str) -> ssl.SSLContext:
    """One for all clients of the process, because loading the certificates takes some 50 ms.

    Plain http needs none. It gets a context that trusts nobody, so that a redirect to https,
    which supabase-py would follow, fails instead of going unverified.
    """
    if scheme == "http":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context()


class Sender:
    """What the sync and the async transport share: building requests, judging answers."""

    def __init__(
        self, settings: Settings, timeout_seconds: float | None, retry: RetryPolicy | None
    ) -> None:
        self._settings = settings
        self._retry = retry or RetryPolicy()
        self._read_s = READ_TIMEOUT_S
        if timeout_seconds is not None:
            self._read_s = seconds_of(timeout_seconds, "timeout_seconds", 0.001, 86400.0)
        try:
            httpx.URL(settings.url)
        except httpx.InvalidURL as problem:
            raise errors.InvalidArgument.of(
                "url", f"is no http(s) address ({problem})", value=settings.url, hint=URL_HINT
            ) from problem
        self.own_headers = {**workspace_header(settings.workspace), "User-Agent": "sharedstate"}
        if settings.token:
            # For `state.supabase` too, which would send the key.
            self.own_headers["Authorization"] = f"Bearer {settings.token}"
        self._headers = httpx.Headers(
            {
                "Host": urlsplit(settings.url).netloc,
                **settings.credentials,
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Content-Type": "application/json",
                **self.own_headers,
            }
        )
        self.scheme = urlsplit(settings.url).scheme
        self._urls: dict[str, httpx.URL] = {}
        self._extensions = {"timeout": self.timeout().as_dict()}
        self._closed = threading.Event()
        self._open_lock = threading.Lock()
        renew_after_fork(self)

    def timeout(self, at_least_s: float = 0.0, at_most_s: float = math.inf) -> httpx.Timeout:
        """Timeouts of one attempt; connecting gives up sooner than reading."""
        read_s = min(max(self._read_s, at_least_s), at_most_s)
        return httpx.Timeout(read_s, connect=min(_CONNECT_TIMEOUT_S, read_s))

    def request(self, call: Call[Any]) -> httpx.Request:
        """The prepared request of a call."""
        extensions = self._extensions
        if call.timeout_s is not None or call.until < math.inf:
            at_most_s = max(0.0, call.until - time.monotonic()) + GRACE_S
            extensions = {"timeout": self.timeout(call.timeout_s or 0.0, at_most_s).as_dict()}
        url = self._urls.get(call.path)
        if url is None:
            url = httpx.URL(f"{self._settings.url}/rest/v1/{call.path}")
            if call.body is not None:  # functions are few, queries of table reads endless
                self._urls[call.path] = url
        return httpx.Request(
            call.method, url, headers=self._headers, content=call.body, extensions=extensions
        )

    def attempts(self, call: Call[Any], began: float) -> Attempts:
        """The bookkeeping of a call that failed once; `began`: when its first attempt did."""
        deadline_s = min(self._retry.deadline_s, call.until - began)
        return Attempts(
            replace(self._retry, deadline_s=deadline_s),
            mutation=call.is_mutation,
            request_id=call.request_id,
            jitter=random.random,
        )

    def after_answer(self, attempts: Attempts, answer: httpx.Response, began: float) -> float:
        """An answer that is no success: seconds until the next attempt, or the error."""
        location = answer.headers.get("location", "")
        token = self._settings.token or self._settings.key
        problem = answers.error_from(answer.status_code, answer.content, location, token)
        return attempts.after_refusal(problem, time.monotonic() - began)

    @staticmethod
    def was_sent(cause: Exception) -> bool:
        """Whether a byte of the request may have been on its way when this came."""
        return not isinstance(cause, _NOT_SENT)

    def after_failure(self, attempts: Attempts, cause: Exception, began: float) -> float:
        """No answer: seconds until the next attempt, or the error."""
        elapsed = time.monotonic() - began
        if isinstance(cause, errors.ClientClosed):
            return attempts.after_refusal(cause, elapsed)
        if isinstance(cause, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
            raise errors.UnexpectedError(f"the request cannot be sent ({cause})") from cause
        return attempts.after_silence(cause, sent=self.was_sent(cause), elapsed_s=elapsed)

    @staticmethod
    def result(call: Call[T], content: bytes) -> T:
        """What a successful answer says; OutcomeUnknown or UnexpectedError if it makes no sense."""
        try:
            return call.read(call.parse(content.decode()))
        except (ValueError, TypeError, KeyError, RecursionError, UnexpectedAnswer) as cause:
            problem = errors.UnexpectedError(
                f"the answer cannot be read ({cause!r})",
                raw=content[:2000].decode("utf-8", "replace"),
                hint="Does SUPABASE_URL point to this service, of the same version?",
                request_id=call.request_id,
            )
            raise (unknown(problem) if call.is_mutation else problem) from cause

    def proxy(self) -> str | None:
        """The proxy that the environment names, but none for this machine itself."""
        parts = urlsplit(self._settings.url)
        host = parts.hostname or ""
        if host in ("localhost", "::1") or host.startswith("127.") or proxy_bypass(host):
            return None
        proxies = getproxies()
        proxy = proxies.get(parts.scheme) or proxies.get("all")
        return proxy if proxy is None or "://" in proxy else f"http://{proxy}"

    @staticmethod
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
                "NO_PROXY. For a SOCKS proxy install httpx[socks].",
            ) from None

    def refuse_if_closed(self) -> None:
        """ClientClosed after close()."""
        if self._closed.is_set():
            raise errors.ClientClosed("this client was closed")

    def _after_fork(self) -> None:
        """In a forked child: the sockets and locks belong to the parent. Opens none."""
        self._open_lock = threading.Lock()
        # An Event has a lock as well, which a thread of the parent may have held.
        was_closed, self._closed = self._closed.is_set(), threading.Event()
        if was_closed:
            self._closed.set()


class Transport(Sender):
    """Sends calls from any number of threads."""

    _pool: httpx.BaseTransport | None = None
    _supabase: Client | None = None

    def run(self, call: Call[T]) -> T:
        """Send a call, again where that is safe, and read its answer."""
        began = time.monotonic()
        attempts: Attempts | None = None
        while True:
            try:
                answer = self._exchange(call)
                if answer.status_code < 300:
                    return self.result(call, answer.content)
            except FAILURES as cause:
                attempts = attempts or self.attempts(call, began)
                pause = self.after_failure(attempts, cause, began)
            else:
                attempts = attempts or self.attempts(call, began)
                pause = self.after_answer(attempts, answer, began)
            self.pause(pause)

    def pause(self, seconds: float) -> None:
        """Sleep, but not past `close`."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Close every connection. Calls afterwards raise ClientClosed."""
        with self._open_lock:
            self._closed.set()
            pool, self._pool, self._supabase = self._pool, None, None
        if pool is not None:
            pool.close()

    @property
    def supabase(self) -> Client:
        """The full supabase-py client on the same connections, made at first use."""
        pool = self._open()
        with self._open_lock:
            self.refuse_if_closed()
            if self._supabase is None:
                self._supabase = self._new_supabase(pool)
            return self._supabase

    def _after_fork(self) -> None:
        super()._after_fork()
        self._pool = self._supabase = None

    def _exchange(self, call: Call[Any]) -> httpx.Response:
        answer = (self._pool or self._open()).handle_request(self.request(call))
        try:
            answer.read()
        finally:
            answer.close()
        return answer

    def _open(self) -> httpx.BaseTransport:
        with self._open_lock:
            self.refuse_if_closed()
            if self._pool is None:
                self._pool = self._new_pool()
            return self._pool

    def _new_pool(self) -> httpx.BaseTransport:
        tls, proxy = tls_context(self.scheme), self.proxy()
        if proxy is None:
            return Connections(tls)
        with self.naming_the_proxy():
            return httpx.HTTPTransport(verify=tls, http2=False, limits=LIMITS, proxy=proxy)

    def _new_supabase(self, pool: httpx.BaseTransport) -> Client:
        from supabase import ClientOptions, create_client  # 0.3 s: only who asks pays

        client = httpx.Client(transport=pool, timeout=self.timeout(), follow_redirects=True)
        options = ClientOptions(
            httpx_client=client,
            headers=dict(self.own_headers),
            auto_refresh_token=False,
            persist_session=False,
        )
        return create_client(self._settings.url, self._settings.key, options)
