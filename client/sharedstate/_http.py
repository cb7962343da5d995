"""HTTP clients for supabase-py that repeat what is safe to repeat, and raise our errors.

Only requests to `/rest/v1/` are treated so; auth and storage of supabase-py share the connections.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from sharedstate import _clock, errors
from sharedstate._answers import error_from
from sharedstate._arguments import seconds_of
from sharedstate._retry import Attempts, RetryPolicy, unknown
from sharedstate.config import URL_HINT, Settings, workspace_header

T = TypeVar("T")
# The database stops an agent's statement after 8 s, PostgREST stops waiting for a connection
# after 10 s: most slow answers are an error of theirs that says more than a timeout of ours.
READ_TIMEOUT_S = 15.0
CONNECT_TIMEOUT_S = 3.0
# How long the answer of a call may take beyond the end of the wait that it belongs to: a second
# behind a long write, which `acquire_lock` may wait for, and two for a busy service.
GRACE_S = 3.0
# As many are kept as may be open: httpcore 1.0 may close what is over the first number though
# another thread has just been given it (encode/httpcore issue 1110).
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100, keepalive_expiry=30.0)
# Raised before a byte of the request was on its way.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_UNSENDABLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)
FAILURES = (httpx.RequestError, httpx.InvalidURL)


@dataclass(slots=True)
class Call:
    """What a method tells the HTTP client about its call, past supabase-py's builder.

    `target` is the function or table. `timeout_s` is the least that is waited for an answer that
    may take long. `until`, of a call that belongs to a wait, is when that ends (seconds of
    `_clock.now`): no attempt starts later, and the last is given up soon after it.
    `is_ours` is false for what supabase-py does by itself. `has_begun` and `is_answered` tell how
    far it is: in between it is being sent.
    """

    target: str
    is_mutation: bool
    request_id: str | None = None
    is_ours: bool = True
    timeout_s: float = 0.0
    until: float = math.inf
    has_begun: bool = False
    is_answered: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again though it may have been done."""
        return self.is_ours or not self.is_mutation

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """The request to the target that is sent in this block belongs to this call."""
        token = _call.set(self)
        try:
            yield
        except (RecursionError, ValueError) as problem:
            if not self.is_answered or isinstance(problem, errors.SharedStateError):
                raise
            raise self.unreadable(problem) from problem  # supabase-py could not decode it
        finally:
            _call.reset(token)

    def read(self, answer: Any, reader: Callable[[Any], T]) -> T:
        """What an answer says; OutcomeUnknown or UnexpectedError when it makes no sense."""
        try:
            return reader(answer)
        except (ValueError, TypeError, KeyError) as problem:
            raise self.unreadable(problem, str(answer)) from problem

    def unreadable(self, problem: Exception, answer: str = "") -> errors.SharedStateError:
        """The error for an answer that cannot be read."""
        unexpected = errors.UnexpectedError(
            f"the answer cannot be read ({problem!r})",
            raw=answer[:2000],
            hint="Does SUPABASE_URL point to this service, of the same version?",
            request_id=self.request_id,
        )
        if not self.is_mutation:
            return unexpected
        return unknown(unexpected, repeatable=self.is_repeatable)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


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

    def begin(self, request: httpx.Request) -> Sending:
        """The bookkeeping of one call."""
        target = request.url.path.rpartition("/")[2]
        call = _call.get()
        # A signal handler may have come in between, with a client of its own.
        if call is None or call.has_begun or call.target != target:
            call = Call(target, request.method not in ("GET", "HEAD"), is_ours=False)
        call.has_begun = True
        return Sending(self, call, request)


class Sending:
    """The attempts of one request. Its clients differ in how they send and pause alone."""

    def __init__(self, service: Service, call: Call, request: httpx.Request) -> None:
        self._service, self._call, self.request = service, call, request
        self._began = _clock.now()
        retry = service.retry
        if call.until < math.inf:
            deadline_s = min(retry.deadline_s, call.until - self._began)
            retry = replace(retry, deadline_s=deadline_s)
        self._attempts = Attempts(
            retry,
            mutation=call.is_mutation,
            repeatable=call.is_repeatable,
            request_id=call.request_id,
            jitter=random.random,
        )

    def prepare(self) -> float:
        """Make the request ready for its next attempt; how long to wait for its answer, seconds."""
        at_most_s = max(0.0, self._call.until - _clock.now()) + GRACE_S
        read_s = min(max(self._service.read_s, self._call.timeout_s), at_most_s)
        connect_s = min(CONNECT_TIMEOUT_S, read_s)
        timeouts = {"connect": connect_s, "read": read_s, "write": read_s, "pool": read_s}
        self.request.extensions["timeout"] = timeouts
        self._service.authorize(self.request)
        return read_s

    def is_done(self, answer: httpx.Response) -> bool:
        """Whether an answer is a success; a method of ours is always answered with JSON."""
        if answer.is_success and self._call.is_ours:
            kind = answer.headers.get("content-type", "")
            if not answer.content or not kind.startswith("application/json"):
                problem = ValueError(f"{len(answer.content)} bytes of {kind or 'no kind'}")
                raise self._call.unreadable(problem, answer.text) from problem
        self._call.is_answered = answer.is_success
        return answer.is_success

    def after_answer(self, answer: httpx.Response) -> float:
        """An answer that is no success: seconds until the next attempt, or the error."""
        settings = self._service.settings
        problem = error_from(
            answer.status_code,
            answer.content,
            answer.headers.get("location", ""),
            settings.token or settings.key,
        )
        return self._attempts.after_refusal(problem, _clock.now() - self._began)

    def after_failure(self, cause: Exception, *, is_closed: bool, was_sent: bool) -> float:
        """No answer: seconds until the next attempt, or the error.

        `was_sent`: whether a byte of the request may have been on its way.
        """
        if isinstance(cause, _UNSENDABLE):
            raise errors.UnexpectedError(f"the request cannot be sent ({cause})") from cause
        elapsed_s = _clock.now() - self._began
        if is_closed:
            return self._attempts.after_closing(was_sent=was_sent)
        return self._attempts.after_silence(cause, sent=was_sent, elapsed_s=elapsed_s)


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
        """Send it, again where that is safe; our errors for what is no success."""
        self._service.refuse_if_forked()
        self._refuse_reentry()
        self._sending.is_under_way = True
        try:
            if not self._service.treats(request):
                return self._send_once(request, options)
            return self._send(self._service.begin(request), options | {"follow_redirects": False})
        finally:
            self._sending.is_under_way = False

    def _send(self, sending: Sending, options: dict[str, Any]) -> httpx.Response:
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
