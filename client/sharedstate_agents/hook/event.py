"""One event of a harness: who it is about, and how a hook answers it.

Claude Code and Codex share one shape; Cursor has the same events with other names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from sharedstate_agents import identity, plain_rpc
from sharedstate_agents.project import Project

# Built-in types of subagents: they say nothing about the role of the agent.
_TYPES_WITHOUT_ROLE = {"general_purpose", "explore", "plan", "generalpurpose", "default", "worker"}
NO_NAME = "agent"


class Unusable(Exception):
    """An event that lacks what its hook needs; the text says what."""


class Answer(NamedTuple):
    """What a hook says: an object on stdout, or a refusal on stderr with exit status 2."""

    output: dict[str, Any] | None = None
    refusal: str = ""

    @property
    def status(self) -> int:
        """The exit status; 2 refuses."""
        return 2 if self.refusal else 0


NOTHING = Answer()


class Event:
    """An event with its input. `reached`: whether the database has answered a call."""

    def __init__(
        self,
        name: str,
        *,
        for_cursor: bool,
        values: Mapping[str, Any],
        project: Project,
        deadline: float,
    ) -> None:
        self.name = name
        self.for_cursor = for_cursor
        self.values = values
        self.project = project
        self.deadline = deadline
        self.reached = False

    def text(self, *keys: str) -> str:
        """The first of these values that is a text, else ''."""
        found = (self.values.get(key) for key in keys)
        return next((value for value in found if isinstance(value, str) and value), "")

    @property
    def session(self) -> str:
        """The session's id. Unusable without one."""
        return self._required("session_id", "conversation_id")

    @property
    def subagent(self) -> str:
        """The id of the subagent that the event is about. Unusable without one."""
        return self._required("agent_id", "subagent_id")

    @property
    def execution(self) -> str:
        """The execution of the agent that the event is about."""
        return identity.execution_of(self.session, self.text("agent_id", "subagent_id") or None)

    @cached_property
    def settings(self) -> plain_rpc.Settings:
        """Where the database is. CallFailed when nobody said it."""
        return plain_rpc.load(os.environ, self.project.root, self.project.workspace)

    @property
    def agent_name(self) -> str | None:
        """The name of the agent: that of its token, of its server, of the teammate, of its type."""
        type_name = identity.agent_name_of(self.text("agent_type", "subagent_type"))
        role = "" if type_name.lower() in _TYPES_WITHOUT_ROLE else type_name
        pinned = self.settings.agent or os.environ.get("SHAREDSTATE_AGENT")
        return pinned or self.text("teammate_name") or role or None

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function of the database. CallFailed as plain_rpc.call."""
        answer = plain_rpc.call(self.settings, function, arguments, deadline=self.deadline)
        self.reached = True
        return answer

    def tell(self, text: str) -> Answer:
        """Put a text before the model."""
        if self.for_cursor:
            return Answer({"additional_context": text})
        return self._specific(additionalContext=text)

    def deny(self, reason: str) -> Answer:
        """Refuse a tool call."""
        if self.for_cursor:
            shown = {"user_message": reason, "agent_message": reason}
            return Answer({"permission": "deny", **shown})
        return self._specific(permissionDecision="deny", permissionDecisionReason=reason)

    @property
    def can_change_input(self) -> bool:
        """Whether a hook may change the input of a tool without allowing the call as well.

        Codex, whose events have a turn_id, takes such an answer for an error.
        """
        return "turn_id" not in self.values

    def change_input(self, tool_input: Mapping[str, Any]) -> Answer:
        """Replace the input of a tool call. Whether it is allowed is still the user's decision."""
        if self.for_cursor:
            return Answer({"updated_input": dict(tool_input)})
        return self._specific(updatedInput=dict(tool_input))

    def go_on(self, reason: str) -> Answer:
        """Have an agent that wants to stop do something first."""
        if self.for_cursor:
            return Answer({"followup_message": reason})
        return Answer({"decision": "block", "reason": reason})

    def _required(self, *keys: str) -> str:
        if not (found := self.text(*keys)):
            raise Unusable(f"The input has no {keys[0]}.")
        return found

    def _specific(self, **fields: Any) -> Answer:
        return Answer({"hookSpecificOutput": {"hookEventName": self.name, **fields}})
