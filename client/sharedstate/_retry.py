"""When to try a call again, and what to say when it is given up. Pure: no clock, no sleep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx

from sharedstate import errors
from sharedstate._answers import may_retry, not_applied
from sharedstate.errors import SharedStateError

_BUSY = "All connections of this client are in use: share it between fewer threads or tasks."


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter.

    The pause before attempt n+1 is random between the half and the whole of
    `base_s * factor ** (n - 1)`, or of `cap_s` when that is less. No attempt starts later than
    `deadline_s` seconds after the first. By default the pauses make 4.5 to 9 s, in which PostgREST
    or Postgres is restarted.
    """

    attempts: int = 6
    base_s: float = 0.1
    factor: float = 3.0
    cap_s: float = 5.0
    deadline_s: float = 30.0

    def pause(self, failed: int, elapsed_s: float, jitter: float) -> float | None:
        """Seconds to wait after `failed` attempts (jitter in 0..1), None to give up."""
        if failed >= self.attempts:
            return None
        try:
            whole = min(self.cap_s, self.base_s * self.factor ** (failed - 1))
        except OverflowError:
            whole = self.cap_s if self.base_s else 0.0
        # At least the half: if luck could make all of them short, it would decide what an outage
        # of some seconds comes to.
        pause = (0.5 + 0.5 * jitter) * whole
        return pause if elapsed_s + pause < self.deadline_s else None


class Attempts:
    """The attempts of one call: feed it each failure, it gives the pause or raises.

    What cannot have reached the database ends in ServiceUnavailable; what may have ends, for a
    mutation, in OutcomeUnknown, and what is not `repeatable` does so at once.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        mutation: bool,
        repeatable: bool = True,
        request_id: str | None,
        jitter: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._mutation = mutation
        self._repeatable = repeatable
        self._request_id = request_id
        self._jitter = jitter
        self._failed = 0
        self._may_be_done = False

    def after_refusal(self, problem: SharedStateError, elapsed_s: float) -> float:
        """The server answered with an error. Returns the pause, or raises the end."""
        problem.request_id = self._request_id
        if may_retry(problem):
            return self._after(problem, sent=not not_applied(problem), elapsed_s=elapsed_s)
        # Only the function itself answers from the transaction, which knows the request id. A
        # key that expired between two attempts, say, tells nothing about the earlier one.
        if self._may_be_done and problem.raised_by != "database":
            raise unknown(problem, repeatable=self._repeatable) from problem
        # A failure without any code is none of PostgREST's: a proxy broke, and the call may have
        # gone through before.
        nameless = problem.status is not None and problem.status >= 500 and not problem.code
        if nameless and self._mutation:
            raise unknown(problem, repeatable=self._repeatable) from problem
        raise problem

    def after_silence(self, cause: Exception, *, sent: bool, elapsed_s: float) -> float:
        """No answer came. `sent`: the request may have reached the server."""
        problem = errors.ServiceUnavailable(
            f"no answer ({type(cause).__name__}: {cause})",
            hint=_BUSY if isinstance(cause, httpx.PoolTimeout) else "",
            request_id=self._request_id,
        )
        problem.__cause__ = cause
        return self._after(problem, sent=sent, elapsed_s=elapsed_s)

    def after_closing(self, *, was_sent: bool) -> float:
        """The client was closed meanwhile. Raises the end."""
        self._may_be_done |= was_sent and self._mutation
        return self.after_refusal(errors.ClientClosed("this client was closed"), 0.0)

    def _after(self, problem: SharedStateError, *, sent: bool, elapsed_s: float) -> float:
        self._failed += 1
        self._may_be_done |= sent and self._mutation
        pause = self._policy.pause(self._failed, elapsed_s, self._jitter())
        if pause is not None and (self._repeatable or not self._may_be_done):
            return pause
        problem.detail.setdefault("attempts", self._failed)
        if self._may_be_done:
            raise unknown(problem, repeatable=self._repeatable) from (problem.__cause__ or problem)
        raise problem


def unknown(last: SharedStateError, *, repeatable: bool = True) -> errors.OutcomeUnknown:
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
