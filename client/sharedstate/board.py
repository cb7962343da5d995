"""The board as `get_board` returns it."""

from __future__ import annotations

from typing import TypedDict

from sharedstate import types


class BoardSubsystem(types.SystemStatusRow):
    """A subsystem on the board. `queue_length`: how many wait for its lock."""

    queue_length: int


class BoardConflict(TypedDict):
    """An open conflict. Priority 1 is the most urgent of 1..4; `reports`: how often reported."""

    conflict_id: int
    severity: str
    priority: int
    source_agent: str
    target_agent: str
    blocks_agents: list[str]
    description: str
    created_at: str
    reports: int
    last_reported_at: str


class BoardCounts(TypedDict):
    """How many there are in all, also beyond the limit of the board's lists."""

    subsystems: int
    conflicts: int
    leases: int
    queue: int


class Board(TypedDict):
    """What `get_board` answers: a whole workspace at `server_time`, by the database's clock.

    Conflicts: the most urgent first; leases: those that end first; budgets: of the whole robot.
    `entries` of the log are in the order of their transactions; the next ones come with `cursor`,
    `more` of them at once.
    """

    workspace: str
    server_time: str
    subsystems: list[BoardSubsystem]
    conflicts: list[BoardConflict]
    leases: list[types.LockRow]
    queue: list[types.LockQueueRow]
    budgets: list[types.BudgetUsageRow]
    counts: BoardCounts
    entries: list[types.ActivityRow]
    cursor: str
    more: bool
