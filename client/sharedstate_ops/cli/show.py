"""`sharedstate show`: one subsystem, its documents, and what differs between two versions."""

from __future__ import annotations

import json as standard_json
from typing import Annotated, Any, Literal

import typer

from sharedstate_ops.cli.output import HomeOption, out
from sharedstate_ops.cli.session import JsonOption, WorkspaceOption, acting, find_subsystem
from sharedstate_ops.cli.shown import UNITS, clock, figure, names, plain, print_json, table
from sharedstate_ops.importing.exact_json import encode
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack.errors import StackError

Kind = Literal["requirements", "interfaces", "design"]
TABLES: dict[Kind, str] = {
    "requirements": "subsystem_requirements",
    "interfaces": "subsystem_interfaces",
    "design": "subsystem_designs",
}
CONTENT = {"design": "design_data"}  # the column, where it is not named as the document


def show(
    subsystem: Annotated[str, typer.Argument(metavar="SUBSYSTEM", help="Its name.")],
    document: Annotated[Kind | None, typer.Option(help="Show this document.")] = None,
    version: Annotated[int | None, typer.Option(min=1, help="This version; else the last.")] = None,
    diff: Annotated[
        int | None, typer.Option(min=0, help="Show what has changed since this version.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a subsystem: its status, lock, conflicts and documents; or one document of it.

    sharedstate show skeleton --document design --version 3 --diff 2
    """
    if document is None and (version is not None or diff is not None):
        raise typer.BadParameter("--version and --diff are of a --document")
    with acting(workspace, home) as operator:
        status = _status(operator, subsystem)
        if document is None:
            _say_subsystem(operator, status, json=json)
            return
        row = _document(operator, subsystem, document, version)
        changes = None
        if diff is not None:
            place = {"subsystem": subsystem, "document": document}
            changes = operator.call(
                "diff_documents", **place, from_version=diff, to_version=row["version"]
            )
    if json:
        print_json(row if changes is None else changes)
    elif changes is None:
        _say_document(row, document)
    else:
        _say_changes(changes)


def _status(operator: Operator, subsystem: str) -> dict[str, Any]:
    rows = operator.read(
        "select s.* from public.system_status as s where s.workspace = %(workspace)s"
    )
    return find_subsystem(rows, subsystem, operator.workspace)


def _document(
    operator: Operator, subsystem: str, kind: Kind, version: int | None
) -> dict[str, Any]:
    rows = operator.read(
        f"""select d.* from public.{TABLES[kind]} as d
            where d.workspace = %(workspace)s and d.subsystem_name = %(subsystem)s
              and d.version = coalesce(%(version)s::integer, d.version)
            order by d.version desc limit 1""",
        subsystem=subsystem,
        version=version,
    )
    if not rows:
        which = "" if version is None else f" version {version}"
        raise StackError(
            f"{subsystem} has no {kind}{which}.",
            hint="See what it has: the same command without --document.",
        )
    found: dict[str, Any] = rows[0]
    return found


def _latest(operator: Operator, subsystem: str) -> list[dict[str, Any]]:
    """The last version of each document, without its content."""
    each = (
        f"""(select '{kind}' as document, d.version, d.created_by, d.created_at
             from public.{table_name} as d
             where d.workspace = %(workspace)s and d.subsystem_name = %(subsystem)s
             order by d.version desc limit 1)"""
        for kind, table_name in TABLES.items()
    )
    return operator.read(" union all ".join(each), subsystem=subsystem)


def _say_subsystem(operator: Operator, status: dict[str, Any], *, json: bool) -> None:
    name = status["name"]
    documents = _latest(operator, name)
    conflicts = operator.call("get_active_conflicts", agent_name=name)
    (lock,) = operator.call("get_lock_status", resource_type="subsystem", resource_name=name)
    if json:
        print_json({"status": status, "documents": documents, "conflicts": conflicts, "lock": lock})
        return
    out.print(plain(f"{name}  {status['state']}, version {status['version']}", "bold"))
    for quantity, unit in UNITS.items():
        used, budget = status[f"current_{quantity}"], status[f"budget_{quantity}"]
        over = budget is not None and used > budget
        limit = "" if budget is None else f" of {figure(budget)}"
        out.print(plain(f"  {figure(used)}{limit} {unit}", "red" if over else ""))
    if holder := lock["holder"]:
        until = clock(holder["expires_at"])
        out.print(plain(f"locked by {holder['locked_by']} until {until}"))
    if lock["queue"]:
        out.print(plain(f"waiting: {names(row['agent_name'] for row in lock['queue'])}"))
    for row in conflicts:
        head = f"conflict #{row['conflict_id']} {row['severity']}, for {row['target_agent']}"
        out.print(plain(f"{head}: {row['description']}", "red"))
    for row in status["stale_inputs"]:
        changed = f"{row['subsystem']} {row['document']}"
        seen = f"version {row['new_version']}, made from {row['seen_version']}"
        out.print(plain(f"stale: {changed} is at {seen}", "yellow"))
    for row in documents:
        by = f"by {row['created_by']}, {clock(row['created_at'])}"
        out.print(plain(f"{row['document']} version {row['version']} {by}"))


def _say_document(row: dict[str, Any], kind: Kind) -> None:
    by = f"by {row['created_by']}, {clock(row['created_at'])}"
    out.print(plain(f"{row['subsystem_name']} {kind} version {row['version']} {by}", "bold"))
    content = row[CONTENT.get(kind, kind)]
    for line in standard_json.dumps(content, indent=2, ensure_ascii=False, default=str).split("\n"):
        out.print(plain(line))


def _say_changes(changes: list[dict[str, Any]]) -> None:
    if not changes:
        out.print("nothing differs.")
        return
    shown = table("part", "change", "before", "now")
    for row in changes:
        values = [
            "" if row["change"] == absent else encode(row[key])
            for key, absent in (("old", "added"), ("new", "removed"))
        ]
        shown.add_row(plain(row["path"] or "/"), row["change"], *map(plain, values))
    out.print(shown)
