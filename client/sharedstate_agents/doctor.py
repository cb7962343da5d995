"""`sharedstate doctor`: the whole way from a coding harness to the database."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sharedstate_agents import probes
from sharedstate_agents.hook import failures
from sharedstate_agents.plain_rpc import CallFailed, Settings, call, claims, load
from sharedstate_agents.project import FILE, Project, ProjectError, pattern_of
from sharedstate_agents.setup.command import ProjectOption, root_of
from sharedstate_agents.setup.errors import SetupError
from sharedstate_agents.setup.git_hook import listed_files
from sharedstate_agents.setup.harnesses import HARNESSES, Setup

# The newest migration that this version was made with; a test compares it with the folder.
SCHEMA_VERSION = "20261122000000"
DEADLINE_S = 5.0
DAY_S = 24 * 3600
_LOOK = "See what runs: sharedstate status"
_FORMAT = "Correct it: docs/hooks.md has the format."
_TYPO = "A name with a typo guards nothing."


@dataclass(frozen=True)
class Finding:
    """What one check found. `hint`: what to do about it. `ms`: how long it took."""

    check: str
    status: Literal["ok", "failed", "note"]
    text: str
    hint: str = ""
    ms: int | None = None


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    project: ProjectOption = None,
) -> None:
    """Check configuration, key, gateway, database, MCP server and hooks; exit code 1 if one fails.

    The server is started, and each hook is given a false event of a session that does not exist.
    """
    findings = []
    for finding in examine(root_of(project).resolve()):
        findings.append(finding)
        if not as_json:
            typer.echo(_line(finding))
    well = _all_well(findings)
    if as_json:
        document = {"ok": well, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
    if not well:
        raise typer.Exit(1)


def examine(root: Path) -> Iterator[Finding]:
    """Each check's finding, as soon as it is there; one that others need comes before them."""
    try:
        found = Project.of(str(root))
        for fault in found.faults:
            yield Finding("project", "failed", fault, _FORMAT)
        if not found.faults:
            yield Finding("project", "ok", str(root))
    except ProjectError as problem:
        yield Finding("project", "failed", str(problem), _FORMAT)
        return
    setups = [Setup.of(root, harness) for harness in HARNESSES]
    try:
        setups = [setup for setup in setups if setup.is_there()]
        yield from _configuration(setups)
    except SetupError as problem:
        yield Finding("configuration", "failed", str(problem), "Correct the file by hand.")
        setups = []
    try:
        settings = load(os.environ, str(root), found.workspace)
    except CallFailed as problem:
        yield Finding("settings", "failed", problem.slug, problem.hint)
        return
    yield Finding("settings", "ok", f"{settings.url}, workspace {settings.workspace}")
    reached = []
    for finding in _service(settings, found):
        reached.append(finding)
        yield finding
    if not _all_well(reached):
        yield Finding("server, hooks", "note", "not checked: they need what has failed.")
        return
    yield from _past_failures(root, settings)
    for setup in setups:
        yield from _parts(setup, found)


def _configuration(setups: list[Setup]) -> Iterator[Finding]:
    if not setups:
        hint = "A plugin cannot be seen from here. Without one: sharedstate setup claude."
        yield Finding("configuration", "note", "no coding harness is set up here.", hint)
    for setup in setups:
        name, again = f"{setup.harness} files", f"sharedstate setup {setup.harness}"
        faults = setup.faults()
        if faults:
            yield Finding(name, "failed", "; ".join(faults), f"Write them again: {again}")
        else:
            yield Finding(name, "ok", "all entries are there")
    for warning in setups[0].warnings() if setups else ():
        yield Finding("warning", "note", warning)


def _service(settings: Settings, project: Project) -> Iterator[Finding]:
    """From the key to the workspace, which is not looked for where something before it failed."""
    key = key_of(settings)
    yield key
    database = list(database_of(settings))
    yield from database
    if _all_well([key, *database]):
        yield from workspace_of(settings, project)


def key_of(settings: Settings) -> Finding:
    """Whether the key, or the token beside it, is one for agents, and until when."""
    name, token = ("token", settings.token) if settings.token else ("key", settings.key)
    said = claims(token)
    renew = "Make another: sharedstate token. For the embedded stack: sharedstate up."
    if not said:
        hint = "The platform's keys name no agent: set SHAREDSTATE_TOKEN beside it."
        return Finding(name, "note", "it is no token, so nobody can say until when.", hint)
    if said.get("role") == "anon":
        return Finding(name, "failed", "it is of the role anon, which may do nothing.", renew)
    until = "without an end"
    if isinstance(exp := said.get("exp"), int | float):
        until = f"valid until {datetime.fromtimestamp(exp, UTC):%Y-%m-%d %H:%M} UTC"
        if exp <= time.time():
            return Finding(name, "failed", f"it has expired: {until}.", renew)
    if said.get("role") == "service_role":
        hint = "Agents need an agent's key: sharedstate token makes one."
        text = f"it is of the role service_role, which may do everything; {until}."
        return Finding(name, "note", text, hint)
    agent = f"of agent {settings.agent}, " if settings.agent else ""
    return Finding(name, "ok", f"{agent}{until}")


def database_of(settings: Settings) -> Iterator[Finding]:
    """Whether the gateway answers, takes the key, and has a database of this version behind it."""
    begin = time.monotonic()
    try:
        health = call(settings, "health", {}, deadline=begin + DEADLINE_S)
    except CallFailed as problem:
        if problem.status is None:
            yield Finding("gateway", "failed", problem.slug, problem.hint)
            return
        yield Finding("gateway", "ok", settings.url)
        yield _refused("database", problem)
        return
    yield Finding("gateway", "ok", settings.url, ms=_ms_since(begin))
    version = str(health["schema_version"])
    if version < SCHEMA_VERSION:
        text = f"has version {version}; this program needs {SCHEMA_VERSION}."
        yield Finding("database", "failed", text, "Bring it up to date: sharedstate init")
    elif version > SCHEMA_VERSION:
        text = f"has version {version}; this program knows {SCHEMA_VERSION}."
        yield Finding("database", "failed", text, "Install the newer sharedstate.")
    else:
        yield Finding("database", "ok", f"version {version}")


def workspace_of(settings: Settings, project: Project) -> Iterator[Finding]:
    """Whether the workspace is there, and has what sharedstate.toml names."""
    try:
        board = call(
            settings, "get_board", {"limit_count": 1000}, deadline=time.monotonic() + DEADLINE_S
        )
    except CallFailed as problem:
        yield _refused("workspace", problem)
        return
    yield Finding("workspace", "ok", board["workspace"])
    known = [row["name"] for row in board["subsystems"]]
    for name in project.subsystems:
        if name not in known:
            text = f"{FILE} names {name}, which the workspace does not have (yet)."
            yield Finding("subsystem", "note", text, _TYPO)
    files = listed_files(Path(project.root))
    for name, globs in project.subsystems.items():
        for glob in globs if files else ():
            pattern = re.compile(pattern_of(glob))
            if not any(map(pattern.fullmatch, files)):
                text = f'{FILE}: "{glob}" of {name} fits no file (yet).'
                yield Finding("glob", "note", text, _TYPO)


def _past_failures(root: Path, settings: Settings) -> Iterator[Finding]:
    """What hooks could not do: not logged yet, and logged within the last 24 hours."""
    waiting = failures.recorded(str(root))
    if waiting:
        text = f"{len(waiting)} not logged yet, the last: {_failure(waiting[-1])}"
        yield Finding("failed hooks", "note", text)
    since = datetime.fromtimestamp(time.time() - DAY_S, UTC).isoformat()
    arguments = {"activity": failures.ACTIVITY, "limit_count": 3, "since": since}
    try:
        entries = call(
            settings, "get_recent_activity", arguments, deadline=time.monotonic() + DEADLINE_S
        )
    except CallFailed as problem:
        yield _refused("activity log", problem)
        return
    for entry in entries:
        at = datetime.fromisoformat(entry["timestamp"]).astimezone(UTC)
        text = f"at {at:%Y-%m-%d %H:%M} UTC: {_failure(entry['details'])}"
        yield Finding("failed hooks", "note", text)


def _parts(setup: Setup, project: Project) -> Iterator[Finding]:
    """The server and the hooks of one harness."""
    for entry in probes.servers(setup):
        check = f"{setup.harness} server"
        if "command" not in entry:
            yield Finding(check, "note", "not tried: it is over HTTP, where you start it yourself.")
            continue
        begin = time.monotonic()
        problem, tools = probes.tools_of(setup.root, entry)
        well = f"starts, and lists {len(tools)} tools"
        hint = 'Try it in the project: sharedstate mcp. It needs pip install "sharedstate[mcp]".'
        yield _tried(check, begin, well, problem, hint)
    for hook in probes.hooks(setup):
        begin = time.monotonic()
        problem = probes.fired(setup.root, hook, project)
        check = f"{setup.harness} {hook.event} {hook.matcher}".rstrip()
        yield _tried(check, begin, "fires", problem, "docs/hooks.md says what each hook needs.")


def _tried(check: str, begin: float, well: str, problem: str, hint: str) -> Finding:
    ms = _ms_since(begin)
    if problem:
        return Finding(check, "failed", problem, hint, ms)
    return Finding(check, "ok", well, ms=ms)


def _refused(check: str, problem: CallFailed) -> Finding:
    if problem.slug in ("invalid_key", "unknown_workspace"):  # their hints say what to do
        return Finding(check, "failed", problem.slug, problem.hint)
    return Finding(check, "failed", str(problem), _LOOK)


def _all_well(findings: list[Finding]) -> bool:
    return not any(finding.status == "failed" for finding in findings)


def _failure(failure: dict[str, Any]) -> str:
    return f"{failure.get('event')}: {failure.get('reason')}"


def _ms_since(begin: float) -> int:
    return round((time.monotonic() - begin) * 1000)


def _line(finding: Finding) -> str:
    took = f" ({finding.ms} ms)" if finding.ms is not None else ""
    word = finding.status.upper() if finding.status == "failed" else finding.status
    line = f"{word:<7} {finding.check:<24} {finding.text}{took}"
    return f"{line}\n{'':<8}{'':<24} {finding.hint}" if finding.hint else line
