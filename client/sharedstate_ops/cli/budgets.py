"""`sharedstate budgets` and `sharedstate transfer`: what is left, and moving it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sharedstate_ops.cli.amounts import AmountOption, amounts, said
from sharedstate_ops.cli.output import HomeOption, out
from sharedstate_ops.cli.session import JsonOption, NameOption, WorkspaceOption, acting
from sharedstate_ops.cli.shown import UNITS, figure, plain, print_json, table


def budgets(
    workspace: WorkspaceOption = None, json: JsonOption = False, home: HomeOption = None
) -> None:
    """Show what each subsystem, the reserve and the whole robot may use, and use."""
    with acting(workspace, home) as operator:
        rows = operator.read(
            """select u.* from public.budget_usage as u where u.workspace = %(workspace)s
               order by u.scope <> 'robot', u.scope, u.name, u.quantity"""
        )
    if json:
        print_json(rows)
        return
    if not rows:
        out.print("no budgets.")
        return
    numbers = ["allocated", "used", "held", "remaining", "share"]
    shown = table("scope", "name", "", *numbers, right=numbers)
    for row in rows:
        shown.add_row(*_cells(row), style="red" if (row["remaining"] or 0) < 0 else "")
    out.print(shown)


def _cells(row: dict[str, Any]) -> list[Any]:
    share = "-" if row["share"] is None else f"{row['share'] * 100:.0f} %"
    figures = [figure(row[key]) for key in ("allocated", "used", "held", "remaining")]
    return [row["scope"], plain(row["name"]), UNITS[row["quantity"]], *figures, share]


def transfer(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A subsystem, or reserve.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="A subsystem, or reserve.")],
    reason: Annotated[str, typer.Option(help="Why, for the log.")],
    name: NameOption,
    mass_kg: AmountOption = None,
    cost_usd: AmountOption = None,
    power_w: AmountOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Move a part of one budget to another: never more than there is, or than others reserved."""
    moved = amounts(mass_kg, cost_usd, power_w)
    if not moved:
        raise typer.BadParameter("say how much: --mass-kg, --cost-usd or --power-w")
    with acting(workspace, home) as operator:
        (row,) = operator.call(
            "transfer_budget",
            from_subsystem=source,
            to_subsystem=to,
            reason=reason,
            agent_name=name,
            **moved,
        )
    if json:
        print_json(row)
        return
    version = f"version {row['version']} of the budgets"
    out.print(plain(f"moved {said(moved)} from {source} to {to}; {version}."))
