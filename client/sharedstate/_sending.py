"""The retries of one call: when it is sent again, and which error it ends with. Sends nothing."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from sharedstate import _clock, errors
from sharedstate._answers import error_from, may_retry, not_applied
from sharedstate.errors import SharedStateError

if TYPE_CHECKING:
    from sharedstate._http import Service

T = TypeVar("T")
CONNECT_TIMEOUT_S = 3.0
# How long the answer of a call may take beyond the end of the wait that it belongs to: a second
# behind a long write, which `acquire_lock` may wait for, and two for a busy service.
GRACE_S = 3.0
_UNSENDABLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)
_BUSY = "All connections of this client are in use: share it between fewer threads or tasks."


@dataclass(slots=True)
class Call:
    """What a method tells the HTTP client about its call, besides what supabase-py's builder takes.

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
        """Whether it is idempotent: a retry is safe even if the call was done."""
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
        """The result in an answer; OutcomeUnknown or UnexpectedError if it cannot be read."""
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
        return _unknown(unexpected, repeatable=self.is_repeatable)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


class Sending:
    """The attempts of one request, for both clients: they differ only in how they send and sleep.

    What cannot have reached the database ends in ServiceUnavailable; what may have ends, for a
    mutation, in OutcomeUnknown, and what is not repeatable does so at once.
    """

    def __init__(self, service: Service, request: httpx.Request) -> None:
        target = request.url.path.rpartition("/")[2]
        call = _call.get()
        # A signal handler may have come in between, with a client of its own.
        if call is None or call.has_begun or call.target != target:
            call = Call(target, request.method not in ("GET", "HEAD"), is_ours=False)
        call.has_begun = True
        self._service, self._call, self.request = service, call, request
        self._began = _clock.now()
        deadline_s = min(service.retry.deadline_s, call.until - self._began)
        self._policy = replace(service.retry, deadline_s=deadline_s)
        self._failed, self._may_be_done = 0, False

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
        problem.request_id = self._call.request_id
        if may_retry(problem):
            return self._pause(problem, was_sent=not not_applied(problem))
        # A failure without a code is not PostgREST's: a proxy failed, and the call may have been
        # done before.
        self._note(was_sent=answer.status_code >= 500 and not problem.code)
        raise self._end(problem)

    def after_failure(self, cause: Exception, *, is_closed: bool, was_sent: bool) -> float:
        """No answer: seconds until the next attempt, or the error.

        `was_sent`: whether a byte of the request may have been on its way.
        """
        if isinstance(cause, _UNSENDABLE):
            raise errors.UnexpectedError(f"the request cannot be sent ({cause})") from cause
        request_id = self._call.request_id
        if is_closed:
            self._note(was_sent=was_sent)
            raise self._end(
                errors.ClientClosed("this client was closed", request_id=request_id)
            ) from cause
        problem = errors.ServiceUnavailable(
            f"no answer ({type(cause).__name__}: {cause})",
            hint=_BUSY if isinstance(cause, httpx.PoolTimeout) else "",
            request_id=request_id,
        )
        problem.__cause__ = cause
        return self._pause(problem, was_sent=was_sent)

    def _pause(self, problem: SharedStateError, *, was_sent: bool) -> float:
        self._failed += 1
        self._note(was_sent=was_sent)
        elapsed_s = _clock.now() - self._began
        pause_s = self._policy.pause(self._failed, elapsed_s, random.random())
        if pause_s is not None and (self._call.is_repeatable or not self._may_be_done):
            return pause_s
        problem.detail.setdefault("attempts", self._failed)
        raise self._end(problem)

    def _note(self, *, was_sent: bool) -> None:
        self._may_be_done |= was_sent and self._call.is_mutation

    def _end(self, problem: SharedStateError) -> SharedStateError:
        # Only the function itself answers from the transaction, which knows the request id. A
        # key that expired between two attempts, say, tells nothing about the earlier one.
        if not self._may_be_done or problem.raised_by == "database":
            return problem
        end = _unknown(problem, repeatable=self._call.is_repeatable)
        end.__cause__ = problem.__cause__ or problem
        return end


def _unknown(last: SharedStateError, *, repeatable: bool) -> errors.OutcomeUnknown:
    """The error for a call that was sent and may have been done; `last` is what came last."""
    if last.request_id:
        hint = ""
    elif repeatable:
        hint = "Make the same call again; a repetition does no harm."
    else:
        hint = "Look whether it was done before you make it again: it has no request_id."
    return errors.OutcomeUnknown(
        last.message,
        detail={**last.detail, "request_id": last.request_id},
        hint=hint,
        raw=last.raw,
        code=last.code,
        status=last.status,
        request_id=last.request_id,
    )
