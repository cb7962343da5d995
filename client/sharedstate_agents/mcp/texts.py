"""What agents are told of the server as a whole: instructions and prompts."""

from __future__ import annotations

INSTRUCTIONS = """\
Shared state of several agents that work on one design in parallel. One agent at a time holds a
subsystem; budgets, conflicts and versions are watched by the database.

Each step:
1. my_situation: what you hold, what blocks you, what has changed.
2. checkout(subsystem, reads=[...]) before you change anything of a subsystem, its files included.
   Held by another? Wait with wait_seconds=45 and call again, or do something else. Never work
   without it.
3. Work. save publishes parts of interfaces or design, with the version that you read as
   base_version.
4. checkin with state and figures: publishes the status and gives the subsystem back.

Always give the same agent_name. Leave execution_id out: hooks set it.
Leases end after ttl_seconds (300) and are renewed only by your calls, so call something every few
minutes while you work. A lease that ended is lost: check out again, read again, redo.
Something of another agent does not fit? report_conflict, do not change it. Who decides, changes and
then calls settle_conflict; move_budget moves mass, cost or power.
Errors say what happened and what to do next: do that instead of trying the same again.
Answers are at most 2,000 tokens; left_out says what was cut, detail="full" gives all.
"""


def coordinate(goal: str = "") -> str:
    """How to lead several agents on one design."""
    aim = f"The goal: {goal}\n\n" if goal else ""
    return f"""\
{aim}You coordinate agents that work on one design in parallel through the sharedstate tools.

1. overview: which subsystems there are, their budgets, open conflicts, who works on what.
2. Write the requirements of each subsystem: save(subsystem, "requirements", base_version, set).
3. Start one agent for each subsystem, those that can work at once in one message. Tell each its
   agent_name (<subsystem>_agent), its subsystem, and whose interfaces it reads.
4. Follow: news with the cursor of the last answer. Look at blocked agents and conflicts first.
5. Decide conflicts that are for you: move_budget or new requirements, then settle_conflict.
6. Done when every subsystem is complete and within budget, without stale inputs or open conflicts:
   overview says so. Do not believe a report without it.

Do not work on a subsystem yourself while an agent holds it.
"""


def take_role(agent_name: str, subsystem: str) -> str:
    """How one agent works on its subsystem."""
    return f"""\
You are {agent_name}, and {subsystem} is yours. Give agent_name="{agent_name}" with every tool of
sharedstate.

1. my_situation. Blocked, or waiting for interfaces of others? Say so by note, and look again with
   news.
2. checkout("{subsystem}", reads=[the subsystems that you build on], wait_seconds=45).
3. Work by its requirements, within its budget.
4. save interfaces (what others build on) and design, each with the version that you read.
5. checkin("{subsystem}", state="complete", figures). stale_inputs: checkout again with the same
   reads, redo the work on what has changed.
6. my_situation again: over budget or a conflict of yours? Redo it, or report_conflict to the agent
   that can help. End with nothing held.
"""
