"""Every exception that `sharedstate` raises: one class for each slug of docs/errors.md.

    try:
        state.update_subsystem_status("skeleton", {"current_mass_kg": 12.5})
    except errors.ResourceLocked as problem:
        print(problem.detail["locked_by"], problem.hint)

The module imports nothing heavy, so that `from sharedstate.errors import LeaseLost` is cheap.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, ClassVar, Literal

Origin = Literal["database", "gateway", "client"]

BY_SLUG: dict[str, type[SharedStateError]] = {}
_NOT_SHOWN: Any = object()


class SharedStateError(Exception):
    """Base of all our exceptions.

    Attributes:
        slug: stable name of what went wrong, the same in every language.
        message: what the server (or the client) said; the slug itself when it said nothing else.
        detail: data about the case, when it came as a JSON object; otherwise {}.
        raw: the detail as text, as it came.
        hint: what to do next.
        code: SQLSTATE or PostgREST code ("PT409", "PGRST301"), "" when there is none.
        status: HTTP status, None when there was no answer.
        request_id: id of the call; the same call with this id is never done twice.
    """

    slug: ClassVar[str] = ""
    raised_by: ClassVar[Origin] = "client"
    default_hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str = "",
        *,
        detail: dict[str, Any] | None = None,
        raw: str = "",
        hint: str = "",
        code: str = "",
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        self.message = message or self.slug
        self.detail: dict[str, Any] = detail if detail is not None else {}
        self.raw = raw
        self.hint = hint or self.default_hint
        self.code = code
        self.status = status
        self.request_id = request_id
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        cls.slug = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        if not cls.__name__.startswith("_"):
            BY_SLUG[cls.slug] = cls

    def __str__(self) -> str:
        parts = [] if self.message == self.slug else [self.message]
        known = {key: value for key, value in self.detail.items() if value not in (None, *parts)}
        if "argument" in known and "reason" in known:
            parts.append(f"{known.pop('argument')} {known.pop('reason')}")
        parts += [f"{key}={_brief(value)}" for key, value in known.items()]
        if not self.detail and self.raw and self.raw != self.message:
            parts.append(_brief(self.raw))
        text = f"{self.slug}: {', '.join(parts)}" if parts else self.slug
        return f"{text} — {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments do not survive the default pickling, and agents that run in
        # process pools send their exceptions home.
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[SharedStateError], state: dict[str, Any]) -> SharedStateError:
    problem = kind(state.get("message", ""))
    problem.__dict__.update(state)
    return problem


def _brief(value: Any, limit: int = 200) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _of_detail(key: str, empty: Callable[[], Any] = lambda: None) -> Any:
    """An attribute that is a part of `detail`, or `empty()` where there is none."""
    return property(lambda self: empty() if (part := self.detail.get(key)) is None else part)


class _Refusal(SharedStateError):
    """The database answered from its transaction that it cannot do this; it changed nothing."""

    raised_by = "database"


class InvalidArgument(_Refusal, ValueError):
    """An argument cannot be accepted; nothing was changed. `detail` names it and the reason."""

    @classmethod
    def of(
        cls, argument: str, reason: str, *, value: Any = _NOT_SHOWN, hint: str = ""
    ) -> InvalidArgument:
        """That the client itself refuses an argument, in the form in which the database does."""
        shown = {} if value is _NOT_SHOWN else {"value": repr(value)[:100]}
        return cls(detail={"argument": argument, "reason": reason, **shown}, hint=hint)


class AgentMismatch(_Refusal):
    """The key belongs to another agent than the one that was named; nothing was changed."""


class UnknownWorkspace(_Refusal):
    """No workspace of this name was made."""


class UnknownConflict(_Refusal):
    """No conflict has this number."""


class UnknownVersion(_Refusal):
    """The document has no such version."""


class RequestIdReused(_Refusal):
    """The request id was used before for another call; nothing was changed."""


class LeaseLost(_Refusal):
    """The lease lapsed, was released or was taken by another; nothing was written."""


class Deadlock(_Refusal):
    """This wait would never end: it closes a cycle of agents that wait for each other.

    `detail["cycle"]` lists them, each with what it waits for. Nothing was acquired.
    """


class StaleVersion(_Refusal):
    """Somebody wrote since you read, and the same part as you; nothing was written.

    Attributes, all that it takes to redo the change (None where the case has none, as of a status):
        base, base_version: what you started from, and its version.
        theirs, latest_version: what is there now.
        yours: what you sent.
        paths: JSON pointers of the parts that both changed, such as "/bones/femur/length_m".
    """

    base: dict[str, Any] | None = _of_detail("base")
    theirs: dict[str, Any] | None = _of_detail("theirs")
    yours: dict[str, Any] | None = _of_detail("yours")
    base_version: int | None = _of_detail("base_version")
    latest_version: int | None = _of_detail("latest_version")
    paths: list[str] = _of_detail("paths", list)


class OverBudget(_Refusal):
    """More than is allocated, or than others have left of it; nothing was changed.

    `overruns` tells by quantity (mass_kg, cost_usd, power_w): allocated, used and over; and held,
    where others hold a part of it.
    """

    overruns: dict[str, dict[str, float]] = _of_detail("overruns", dict)


class ReservationLost(_Refusal):
    """The reservation has ended, or is not of this execution; nothing was changed."""


class StaleInputs(_Refusal):
    """What the subsystem was made from has changed since; nothing was written.

    `inputs` lists the changes: subsystem, document, seen_version, new_version and changed_paths.
    """

    inputs: list[dict[str, Any]] = _of_detail("inputs", list)


class ConflictAlreadyResolved(_Refusal):
    """The conflict was resolved before; its resolution stays as it is."""


class ConflictNotResolved(_Refusal):
    """The conflict is open, so it cannot be opened again; nothing was changed."""


class ConflictDuplicate(_Refusal):
    """Another open conflict has the same source, target and key; nothing was changed.

    `detail["duplicate_of"]` is its number.
    """


class LogRestored(_Refusal):
    """The log was dumped on another server: before it is followed, do once what `hint` says."""


class ExportTooLarge(_Refusal):
    """The workspace is more than one answer can hold: 256 MB of documents, or of the log."""


class ResourceLocked(_Refusal):
    """Another execution holds the lease; nothing was written."""


class PayloadTooLarge(SharedStateError):
    """The request is over 10 MB; nothing was changed."""

    raised_by = "gateway"
    default_hint = "Send less in one call, for example a document in several parts."


class UriTooLong(SharedStateError):
    """The address is longer than the gateway reads (16 KB); nothing was changed."""

    raised_by = "gateway"
    default_hint = "Ask with fewer or shorter filters, or in several requests."


class ServiceUnavailable(SharedStateError):
    """The service could not be reached, also after retries; nothing was changed."""

    raised_by = "gateway"
    default_hint = "Is it running? `sharedstate status` or `docker compose ps` shows it."


class InvalidKey(SharedStateError):
    """The key is damaged or of another installation. Base of ExpiredKey and ClockSkew."""

    default_hint = "Set SUPABASE_KEY to a valid key of this installation (its .env has one)."


class ExpiredKey(InvalidKey):
    """The key has expired; `message` says when. Nothing was changed."""

    default_hint = "Make one by `sharedstate token`."


class ClockSkew(InvalidKey):
    """The key's time of issue is ahead of the server's clock; nothing was changed."""

    default_hint = (
        "Nothing is wrong with the key: the clock of the server and that of the machine that made "
        "the key differ by over 30 s. Set both by a time server."
    )


class PermissionDenied(SharedStateError):
    """The key's role may not do this; nothing was changed."""

    default_hint = "Use a key that may do this; operators have SUPABASE_SERVICE_ROLE_KEY."


class SchemaMissing(SharedStateError):
    """The database does not have this function or table: not migrated, or older than the client."""

    default_hint = "Apply the migrations: `sharedstate init`."


class StatementTimeout(SharedStateError):
    """The database stopped the statement because it took too long; nothing was changed."""

    default_hint = "Try again. If it happens again, ask for less in one call."


class OutcomeUnknown(SharedStateError):
    """The call was sent, and no answer came: it may have been done or not.

    Make the same call again with `request_id=problem.request_id`: it answers as the first time
    if it was done, and does it now if it was not.
    """

    default_hint = "Make the same call again with this request_id; it is never done twice."


class NotConfigured(SharedStateError):
    """No url or key was found in arguments, environment or .env."""

    default_hint = "Run `make up`, which writes .env, or set SUPABASE_URL and SUPABASE_KEY."


class ClientClosed(SharedStateError, RuntimeError):
    """The client was closed before this call; nothing was sent."""

    default_hint = "Make a new SharedState."


class ClientForked(SharedStateError, RuntimeError):
    """The client was made by the parent of this process; nothing was sent."""

    default_hint = "Make a client in each process."


class ReentrantCall(SharedStateError, RuntimeError):
    """A signal handler called while it interrupted a call of the same client; nothing was sent."""

    default_hint = "Make a SharedState in the handler, or only set a flag there."


class UnexpectedError(SharedStateError):
    """An answer that this version does not know; message, code, status and raw have all of it."""
