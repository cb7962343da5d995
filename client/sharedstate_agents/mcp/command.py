"""`sharedstate mcp`: the door for AI agents."""

from __future__ import annotations

import asyncio
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from sharedstate_agents.mcp.starting import collect_no_garbage
from sharedstate_agents.project import Project, ProjectError, project_folder


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve HTTP on 127.0.0.1 instead of stdio.")
    ] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port for --http.")] = 8765,
    workspace: Annotated[
        str | None,
        typer.Option(
            help="The design to work on, unless the key names one; else that of sharedstate.toml."
        ),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="The one agent that this server belongs to, else SHAREDSTATE_AGENT."),
    ] = None,
) -> None:
    """Serve shared state to AI agents by the Model Context Protocol.

    Over stdio it is started by a harness such as Claude Code, speaks by the key of .env, and ends
    what its agents hold when its input ends. Over HTTP each caller sends a token of its own.
    """
    if find_spec("mcp") is None:
        typer.echo(
            "error: the package mcp is missing, which `sharedstate mcp` needs.\n"
            'Install the extra: pip install "sharedstate[local,mcp]"',
            err=True,
        )
        raise typer.Exit(1)
    if workspace is None:
        workspace = _workspace_of_project()
    collect_no_garbage()
    if http:
        from sharedstate_agents.mcp.http import run_http

        asyncio.run(run_http(workspace, port))
    else:
        from sharedstate_agents.mcp.server import run_stdio

        asyncio.run(run_stdio(workspace, agent or os.environ.get("SHAREDSTATE_AGENT")))


def _workspace_of_project() -> str | None:
    """The workspace that sharedstate.toml names: hooks guard that one, so tools work in it."""
    try:
        return Project.of(project_folder(os.environ, str(Path.cwd()))).workspace
    except ProjectError as problem:
        typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(1) from problem
