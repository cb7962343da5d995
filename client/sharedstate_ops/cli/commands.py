"""The table of commands: what `--help` lists, and where each function is.

It imports none of them, so that a command loads only what it needs itself.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """`function` as "module:name"; its docstring is what `sharedstate NAME --help` says."""

    function: str
    help: str


COMMANDS = {
    "up": Command("sharedstate_ops.cli.up:up", "Start the embedded stack and write .env."),
    "down": Command("sharedstate_ops.cli.up:down", "Stop the embedded stack; the data stays."),
    "init": Command(
        "sharedstate_ops.cli.import_export:init", "Apply the migrations and make a workspace."
    ),
    "status": Command("sharedstate_ops.cli.status:status", "Show what runs, where, and why not."),
    "demo": Command("sharedstate_ops.cli.demo:demo", "Seven agents design a humanoid robot."),
    "psql": Command("sharedstate_ops.cli.psql:psql", "Open psql on the database."),
    "keys": Command("sharedstate_ops.cli.keys:keys", "Make a secret and the keys it signs."),
    "token": Command("sharedstate_ops.cli.keys:token", "Print a token for one agent."),
    "export": Command(
        "sharedstate_ops.cli.import_export:export", "Write a workspace as one JSON document."
    ),
    "backup": Command("sharedstate_ops.cli.backup:backup", "Save every workspace as one archive."),
    "restore": Command("sharedstate_ops.cli.backup:restore", "Put a backup into a database."),
    "prune": Command("sharedstate_ops.cli.prune:prune", "Delete old entries of the activity log."),
    "mcp": Command("sharedstate_agents.mcp.command:mcp", "Serve agents over MCP."),
    "setup": Command(
        "sharedstate_agents.setup.command:setup", "Set up a coding harness: claude, codex, ..."
    ),
    "prime": Command("sharedstate_agents.setup.command:prime", "Tell an agent where it stands."),
    "doctor": Command("sharedstate_agents.doctor:doctor", "Check the whole way from an agent."),
    "workspaces": Command("sharedstate_ops.cli.workspaces:workspaces", "List the designs."),
    "show": Command("sharedstate_ops.cli.show:show", "A subsystem, its documents and versions."),
    "locks": Command("sharedstate_ops.cli.locks:locks", "Who holds what, and who waits."),
    "release": Command("sharedstate_ops.cli.locks:release", "Give back a lock."),
    "conflicts": Command("sharedstate_ops.cli.conflicts:conflicts", "List open conflicts."),
    "conflict": Command("sharedstate_ops.cli.conflicts:conflict", "One conflict, its history."),
    "resolve": Command("sharedstate_ops.cli.conflicts:resolve", "Resolve a conflict."),
    "budgets": Command("sharedstate_ops.cli.budgets:budgets", "What is used, and what is left."),
    "transfer": Command("sharedstate_ops.cli.budgets:transfer", "Move budget."),
    "log": Command("sharedstate_ops.cli.log:log", "The activity log; -f follows it."),
    "board": Command("sharedstate_ops.cli.board:board", "Open the web board, live, for people."),
    "watch": Command("sharedstate_ops.cli.watch:watch", "The board, live in the terminal."),
    "report": Command("sharedstate_ops.cli.report:report", "What happened, as text or a page."),
}
