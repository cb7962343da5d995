"""One request to the service and how its answer is read. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

from sharedstate.config import NAME_HINT
from sharedstate.errors import InvalidArgument
from sharedstate.http.encoding import encode

T = TypeVar("T")
RequestId = str | UUID | None
_NAMES = {
    *("resource_type", "resource_name", "agent_name", "execution_id", "workspace_name"),
    *("subsystem", "on_subsystem", "locked_subsystem", "from_subsystem", "to_subsystem"),
    *("source", "target", "target_agent", "created_by", "resolved_by", "released_by"),
}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


# NaN and infinity, which Python reads by itself, are no JSON.
from_json: Callable[[str], Any] = json.JSONDecoder(parse_constant=_refuse_constant).decode


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how its answer is read.

    A mutation carries a request id, so it can be sent again without being done twice; one that
    needs none for that says `changes`. `timeout_s` is the least that is waited for the answer of a
    call that may take long: the larger of it and the client's own counts. `until`, of a call that
    belongs to a wait, is when that ends (seconds of `time.monotonic`): no attempt starts later, and
    the last is given up soon after it. `parse` makes Python values of the answer's JSON, which
    `read` is given.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    body: bytes | None = None
    request_id: str | None = None
    timeout_s: float | None = None
    parse: Callable[[str], Any] = from_json
    changes: bool = False
    until: float = math.inf

    @property
    def is_mutation(self) -> bool:
        """Whether a lost answer leaves open what happened."""
        return self.changes or self.request_id is not None


def new_request_id(given: RequestId = None) -> str:
    """The given id as text, or a fresh one; InvalidArgument when it is no uuid."""
    return str(uuid4()) if given is None else known_request_id(given)


def known_request_id(given: str | UUID) -> str:
    """The given id as text; InvalidArgument when it is no uuid, or None."""
    try:
        return str(UUID(str(given)))
    except ValueError as problem:
        raise InvalidArgument.of("request_id", "is no uuid", value=given) from problem


def mutation(
    name: str, params: dict[str, Any], read: Callable[[Any], T], request_id: RequestId
) -> Call[T]:
    """A function that changes something: it gets a request id, so it is never done twice."""
    identity = new_request_id(request_id)
    params["request_id"] = identity
    return Call("POST", f"rpc/{name}", read, _body(params), identity)


def repeatable(
    name: str, params: dict[str, Any], read: Callable[[Any], T], timeout_s: float | None = None
) -> Call[T]:
    """A function that asks, or changes nothing that a repetition would change again."""
    return Call("POST", f"rpc/{name}", read, _body(params), timeout_s=timeout_s)


def _body(params: dict[str, Any]) -> bytes:
    # PostgREST would make text of a list or an object, and that would be a name as well.
    for argument in _NAMES & params.keys():
        if not isinstance(params[argument], str | None):
            raise InvalidArgument.of(argument, "is no text", value=params[argument], hint=NAME_HINT)
    return encode(params)


def select(
    table: str, workspace: str, filters: Mapping[str, str], read: Callable[[Any], T]
) -> Call[T]:
    """Rows of a table or view."""
    # Operators' keys bypass row security, so every read names its workspace.
    query = urlencode({"workspace": f"eq.{workspace}", **filters})
    return Call("GET", f"{table}?{query}", read)
