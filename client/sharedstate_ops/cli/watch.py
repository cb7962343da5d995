"""`sharedstate watch`: the board in the terminal, read anew each second."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections import deque
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sharedstate.errors import ServiceUnavailable, StatementTimeout
from sharedstate_ops.cli.output import HomeOption, out
from sharedstate_ops.cli.session import (
    LOCK_TIMEOUT,
    MOST,
    PATIENCE_S,
    JsonOption,
    WorkspaceOption,
    chosen,
    find_subsystem,
)
from sharedstate_ops.cli.shown import print_json
from sharedstate_ops.cli.target import Target
from sharedstate_ops.cli.watching import Filter, picture
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack.errors import StackError

_KEPT = 200  # entries of the log
# A database whose answer takes long is asked so much less often.
_SHARE_OF_TIME = 0.2


def watch(
    subsystem: Annotated[str | None, typer.Option(help="Only what concerns it.")] = None,
    agent: Annotated[str | None, typer.Option(help="Only what concerns this agent.")] = None,
    interval: Annotated[
        float, typer.Option("--interval", "-n", min=0.1, help="Seconds between two looks.")
    ] = 1.0,
    once: Annotated[
        bool, typer.Option("--once", help="Print it once and end, however long it is.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show the board until Ctrl-C: what needs attention, subsystems, locks, the log.

    With --json print what get_board answers, once.
    """
    if json and (subsystem or agent):
        raise typer.BadParameter("--json is the whole board: it goes with no filter")
    watched = Watched(*chosen(workspace, home))
    watched.look()
    if subsystem:
        find_subsystem(watched.board["subsystems"], subsystem, watched.board["workspace"])
    wanted = Filter(subsystem, agent)
    if json:
        print_json(watched.board)
    elif once:
        for line in watched.lines(wanted, out.width):
            out.print(line)
    elif not sys.stdout.isatty():
        raise StackError("this is no terminal.", hint="Print it once: sharedstate watch --once")
    else:
        _show(watched, wanted, interval)


class Watched:
    """The last board of a workspace that could be read, and the newest entries of its log."""

    board: dict[str, Any]

    def __init__(self, target: Target, workspace: str) -> None:
        self._target = target
        self._workspace = workspace
        self._operator: Operator | None = None
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._cursor: str | None = None
        self._is_cut_off = False

    def look(self) -> None:
        """Read it anew; ServiceUnavailable or StackError when the database does not answer."""
        if self._operator is None:
            connection = self._target.connect(timeout=0)
            connection.patience_s = PATIENCE_S
            self._operator = Operator(connection, self._workspace, lock_timeout=LOCK_TIMEOUT)
        (self.board,) = self._operator.call("get_board", cursor=self._cursor, limit_count=MOST)
        self._cursor = self.board["cursor"]
        self._entries.extend(self.board["entries"])

    def look_again(self) -> None:
        """Read it anew, or note that it is of an earlier time."""
        try:
            self.look()
            self._is_cut_off = False
        except (ServiceUnavailable, StatementTimeout, StackError):
            self._operator = None
            self._is_cut_off = True

    def lines(self, wanted: Filter, width: int, height: int | None = None) -> list[Text]:
        """It as lines, as they fit."""
        entries = list(self._entries)
        cut_off = self._is_cut_off
        return picture(self.board, entries, wanted, width=width, height=height, cut_off=cut_off)


def _show(watched: Watched, wanted: Filter, interval: float) -> None:
    console = Console(highlight=False)
    # Else the terminal would be left in its other screen, without a cursor.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        while True:
            began = time.monotonic()
            watched.look_again()
            took = time.monotonic() - began
            lines = watched.lines(wanted, *console.size)
            for line in lines:
                line.no_wrap, line.overflow = True, "ellipsis"
            live.update(Group(*lines), refresh=True)
            time.sleep(max(interval, took / _SHARE_OF_TIME))
