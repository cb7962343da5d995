"""Who is calling: an execution for each agent of a session of a coding harness.

Standard library only: hooks import it.
"""

from __future__ import annotations

MAIN = "main"


def session_prefix(session: str) -> str:
    """What the execution of every agent of a session begins with.

    Example:
        >>> session_prefix("7f3a")
        'cc:7f3a:'
    """
    return f"cc:{session}:"


def execution_of(session: str, agent: str | None = None) -> str:
    """The execution of a subagent by its id, or of the session's main agent.

    Example:
        >>> execution_of("7f3a")
        'cc:7f3a:main'
    """
    return session_prefix(session) + (agent or MAIN)


def agent_name_of(agent_type: str) -> str:
    """The name under which a subagent of this type acts, unless its prompt gives it another.

    Example:
        >>> agent_name_of("my-plugin:skeleton-designer")
        'skeleton_designer'
    """
    return agent_type.rpartition(":")[2].replace("-", "_")
