"""`sharedstate conflicts`, `conflict` and `resolve`: what is in the way, and how it ended."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sharedstate_ops.cli.amounts import AmountOption, amounts, said
from sharedstate_ops.cli.output import HomeOption, out
from sharedstate_ops.cli.session import JsonOption, NameOption, WorkspaceOption, acting
from sharedstate_ops.cli.shown import (
    SEVERITY_STYLE,
    clock,
    details,
    names,
    plain,
    print_json,
    table,
)

NumberArgument = Annotated[
    int, typer.Argument(min=1, max=2**63 - 1, metavar="N", help="The number of the conflict.")
]


def conflicts(
    agent: Annotated[
        str | None, typer.Option(help="Only those of this agent: its own, for it, blocking it.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show the open conflicts, the most urgent first: by priority (1 to 4), then severity."""
    with acting(workspace, home) as operator:
        rows = operator.call("get_active_conflicts", agent_name=agent)
    if json:
        print_json(rows)
        return
    if not rows:
        out.print(plain(f"no open conflicts of {agent}." if agent else "no open conflicts."))
        return
    columns = ("#", "priority", "severity", "from", "for", "blocks", "since", "what")
    shown = table(*columns, right=["#", "priority"])
    for row in rows:
        shown.add_row(
            str(row["conflict_id"]),
            str(row["priority"]),
            plain(row["severity"], SEVERITY_STYLE.get(row["severity"], "")),
            plain(row["source_agent"]),
            plain(row["target_agent"]),
            plain(names(row["blocks_agents"])),
            clock(row["created_at"]),
            plain(row["description"]),
        )
    out.print(shown)


def conflict(
    number: NumberArgument,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show one conflict, open or resolved, with all that happened to it."""
    with acting(workspace, home) as operator:
        history = operator.call("get_conflict_history", conflict_id=number)
        (row,) = operator.read(
            """select c.* from public.conflicts as c
               where c.workspace = %(workspace)s and c.conflict_id = %(number)s""",
            number=number,
        )
    if json:
        print_json({"conflict": row, "history": history})
        return
    _say(row)
    shown = table("at", "event", "by", "details")
    for event in history:
        shown.add_row(
            clock(event["created_at"]),
            event["event"],
            plain(event["agent_name"]),
            plain(details(event["details"])),
        )
    out.print(shown)


def _say(row: dict[str, Any]) -> None:
    head = f"#{row['conflict_id']} {row['status']}, {row['severity']}, priority {row['priority']}"
    out.print(plain(head, SEVERITY_STYLE.get(row["severity"], "")))
    out.print(plain(row["description"]))
    out.print(plain(f"from {row['source_agent']}, for {row['target_agent']}"))
    if row["blocks_agents"]:
        out.print(plain(f"blocks {names(row['blocks_agents'])}"))
    if row["details"]:
        out.print(plain(details(row["details"])))
    if row["resolution"]:
        out.print(plain(f"resolved by {row['resolved_by']}: {row['resolution']}"))
    out.print()


def resolve(
    number: NumberArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="How it was resolved.")],
    name: NameOption,
    transfer: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="FROM TO", help="Move budget too: both are done, or neither."),
    ] = None,
    mass_kg: AmountOption = None,
    cost_usd: AmountOption = None,
    power_w: AmountOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Resolve an open conflict: sharedstate resolve 3 "lighter motors" --transfer reserve power.

    With --transfer FROM TO at least one amount is needed: --mass-kg, --cost-usd or --power-w.
    """
    moved = amounts(mass_kg, cost_usd, power_w)
    if bool(moved) != (transfer is not None):
        raise typer.BadParameter("--transfer FROM TO goes with --mass-kg, --cost-usd or --power-w")
    budget_transfer: dict[str, Any] | None = None
    if transfer is not None:
        budget_transfer = {"from_subsystem": transfer[0], "to_subsystem": transfer[1], **moved}
    with acting(workspace, home) as operator:
        (row,) = operator.call(
            "resolve_conflict",
            conflict_id=number,
            resolution=text,
            resolved_by=name,
            budget_transfer=budget_transfer,
        )
    if json:
        print_json(row)
    else:
        budget = f" Moved {said(moved)} from {' to '.join(transfer)}." if transfer else ""
        out.print(plain(f"conflict #{number} is resolved.{budget}"))
