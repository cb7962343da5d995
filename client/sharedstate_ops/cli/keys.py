"""`sharedstate keys` and `sharedstate token`: the secret, its keys, and tokens for one agent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from dotenv import dotenv_values
from rich.markup import escape

from sharedstate.config import checked_name
from sharedstate_ops.cli.output import HomeOption, duration, err, home_of, out, steps
from sharedstate_ops.cli.target import answering_env_file
from sharedstate_ops.cli.up import update_env
from sharedstate_ops.compose_env import SECRET, fill, new_lines
from sharedstate_ops.stack import Stack, StackError
from sharedstate_ops.stack.keys import make_token, read_keys
from sharedstate_ops.stack.paths import Home


def keys(
    env: Annotated[
        Path | None,
        typer.Option(
            "--env", metavar="FILE", help="Fill in the empty lines of this copy of .env.example."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --env: make the secret and its keys anew.")
    ] = False,
    rotate: Annotated[
        bool,
        typer.Option(
            "--rotate",
            help="New secret and keys for the embedded stack; the old ones end at once.",
        ),
    ] = False,
    home: HomeOption = None,
) -> None:
    """Make a JWT secret and the keys that it signs: for agents, anon, and operators.

    Without options they are printed, for you to put where they belong.
    """
    if rotate and (env is not None or force):
        raise typer.BadParameter("--rotate is for the embedded stack: it goes with no other option")
    if force and env is None:
        raise typer.BadParameter("--force is for --env FILE")
    if rotate:
        _rotate(home_of(home))
    elif env is None:
        for name, value in new_lines().items():
            typer.echo(f"{name}={value}")
    else:
        filled = fill(env, force=force)
        done = f"filled in {', '.join(filled)}" if filled else "no line is empty: nothing changed"
        out.print(f"{done}: {escape(str(env))}")
        if force:
            out.print("now have the services take them: docker compose up -d --wait")


def token(
    workspace: Annotated[
        str | None, typer.Option(help="The only workspace that it opens; else any.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option(help="The only agent that it speaks for; else any.")
    ] = None,
    ttl: Annotated[
        str, typer.Option(metavar="TIME", help="How long it is valid: 90s, 30m, 8h or 7d.")
    ] = "8h",
    role: Annotated[
        Literal["authenticated", "service_role", "anon"],
        typer.Option(help="authenticated is an agent, service_role an operator."),
    ] = "authenticated",
    home: HomeOption = None,
) -> None:
    """Print a token for one agent, signed with JWT_SECRET or the secret of this installation.

    The agent uses it as SUPABASE_KEY; on the platform as SHAREDSTATE_TOKEN, beside a SUPABASE_KEY
    of the project.
    """
    lasts = duration(ttl)
    if not lasts:
        raise typer.BadParameter("a token has to last for a while")
    for name, value in (("workspace", workspace), ("agent", agent)):
        if value is not None:
            checked_name(value, name)
    if role == "service_role" and workspace is not None:
        raise StackError(
            "an operator's token opens every workspace: service_role passes by row level security, "
            "so a workspace in it would pin functions and not tables.",
            hint="Leave --workspace out, or make an agent's token: --role authenticated.",
        )
    secret = find_secret(home_of(home))
    typer.echo(make_token(secret, role, workspace=workspace, agent=agent, ttl=lasts))


def _rotate(place: Home) -> None:
    with steps() as progress:
        made = Stack(place.root).rotate_keys(progress)
    out.print("the installation has a new secret; every token of the old one is refused.")
    if place.env_file.exists():
        values = {"SUPABASE_KEY": made.agent_key, "SUPABASE_SERVICE_ROLE_KEY": made.service_key}
        update_env(place, values, extend=False)
    err.print("Agents that run have to be started again, tokens to be made anew.")


def find_secret(home: Home) -> str:
    """JWT_SECRET of the environment, else in the order in which `find_target` finds the database.

    So of a `.env` of others that answers, then of the running stack, then of any `.env`, then of
    the embedded stack that is stopped.
    """
    stored = read_keys(home.keys_file)
    own = stored.jwt_secret if stored else ""
    in_file = dotenv_values(home.env_file, interpolate=False).get(SECRET)
    embedded = own and not answering_env_file(home) and Stack(home.root).living()
    secret = os.environ.get(SECRET) or (embedded and own) or in_file or own
    if not secret:
        raise StackError(
            f"no secret to sign with: no {SECRET} in the environment or in .env, and no keys "
            f"in {home.dir}.",
            hint=f"Set {SECRET}, or run this in the folder of the installation.",
        )
    if len(secret) < 32:
        raise StackError(
            f"{SECRET} has fewer than 32 characters: PostgREST does not accept it.",
            hint="Make another: sharedstate keys",
        )
    return secret
