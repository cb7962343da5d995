"""`sharedstate board`: the address of the web board with a key for one working day, opened."""

from __future__ import annotations

import os
import sys
import webbrowser
from datetime import timedelta
from html import escape as escape_html
from typing import Annotated
from urllib.parse import quote, urlencode

import httpx
import typer
from dotenv import dotenv_values

from sharedstate.config import DEFAULT_WORKSPACE, URL, WORKSPACE
from sharedstate_ops.cli.keys import find_secret
from sharedstate_ops.cli.output import HomeOption, err, home_of
from sharedstate_ops.cli.target import answering_env_file
from sharedstate_ops.stack import Stack, StackError
from sharedstate_ops.stack.files import write_private
from sharedstate_ops.stack.keys import make_token
from sharedstate_ops.stack.paths import Home

_LASTS = timedelta(hours=8)


def board(
    workspace: Annotated[
        str | None,
        typer.Option("--workspace", "-w", help="The only workspace that it shows; else any."),
    ] = None,
    operator: Annotated[
        bool,
        typer.Option("--operator", help="With an operator's rights: all workspaces, all locks."),
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in a browser, or only print it.")
    ] = True,
    home: HomeOption = None,
) -> None:
    """Print the address of the web board, and open it. It works for eight hours.

    Whoever has the address can do what an agent can, with --operator what an operator can.
    """
    # It loads supabase-py, which no other command needs.
    from sharedstate import SharedState

    place = home_of(home)
    url = _find_api(place)
    role = "service_role" if operator else "authenticated"
    # An operator's token cannot be pinned to a workspace.
    pinned = None if operator else workspace
    token = make_token(find_secret(place), role, workspace=pinned, ttl=_LASTS)
    stored = dotenv_values(place.env_file, interpolate=False)
    shown = workspace or os.environ.get(WORKSPACE) or stored.get(WORKSPACE) or DEFAULT_WORKSPACE
    _require_board(url)
    # Says by its errors what is wrong with the secret or the name.
    with SharedState(url=url, key=token, workspace=shown) as state:
        state.get_board(limit=1)
    parameters = urlencode({"workspace": shown, "key": token}, quote_via=quote)
    # In the fragment, which no browser sends to a server. The page takes it out of the address.
    address = f"{url}/board/#{parameters}"
    typer.echo(address)
    if open_browser:
        _open(place, address)


def _find_api(place: Home) -> str:
    """SUPABASE_URL of the environment, else from where `find_secret` takes the secret."""
    stack = Stack(place.root)
    embedded = stack.living() and not answering_env_file(place)
    stored = {URL: stack.info.url} if embedded else dotenv_values(place.env_file, interpolate=False)
    url = os.environ.get(URL) or stored.get(URL)
    if not url:
        raise StackError(
            f"no API is known: no running stack, and no {URL} in the environment or in .env.",
            hint="Start the embedded stack: sharedstate up",
        )
    return url.rstrip("/").removesuffix("/rest/v1")


def _require_board(url: str) -> None:
    try:
        answer = httpx.get(f"{url}/board/", timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        raise StackError(
            f"{url} does not answer: {error}.",
            hint="Is it running? `sharedstate status` tells, `sharedstate up` starts it.",
        ) from error
    if answer.status_code != 200:
        raise StackError(
            f"there is no board at {url}/board/ (status {answer.status_code}).",
            hint="It comes with the gateway of the embedded stack and of docker compose: one that "
            "runs since before an upgrade has to be started anew. The platform has none.",
        )


def _open(place: Home, address: str) -> None:
    """Open the address by a file that leads on, which only its owner may read.

    A browser is given the file's name and not the address: every user of the machine can read the
    arguments of a process. The file stays beside the secrets until the next call, because nobody
    says when a browser has read it; its key ends by itself.
    """
    screens = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}
    graphical = not sys.platform.startswith("linux") or screens & os.environ.keys()
    # Without a screen there may be a browser for the terminal, which runs no scripts.
    if not graphical:
        err.print("there is no screen here: open the address yourself.")
        return
    place.dir.mkdir(mode=0o700, exist_ok=True)
    page = place.dir / "board.html"
    target = escape_html(f"0;url={address}", quote=True)
    write_private(page, f'<!doctype html><meta http-equiv="refresh" content="{target}">\n')
    if not webbrowser.open(page.as_uri()):
        err.print("no browser was found here: open the address yourself.")
