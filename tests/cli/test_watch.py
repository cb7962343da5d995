"""`sharedstate watch`: what fits a window, what comes first, and the terminal that it leaves."""

from __future__ import annotations

import copy
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from rich.cells import cell_len
from tests.command_line import Command
from tests.stack.installation import PROGRAM

from sharedstate import SharedState
from sharedstate_ops.cli import watch
from sharedstate_ops.cli.session import chosen
from sharedstate_ops.cli.watch import Watched
from sharedstate_ops.cli.watching import Filter, picture, shares
from sharedstate_ops.stack import StackInfo

ALL = Filter()
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
OTHER_SCREEN, USUAL_SCREEN = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A command in a terminal of its own."""

    def __init__(
        self, environment: dict[str, str], rows: int, columns: int, *arguments: str
    ) -> None:
        self.output = ""
        self.has_ended = False
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            variables = {**os.environ, **environment, "TERM": "xterm-256color"}
            for fixed in ("COLUMNS", "LINES"):  # as xdist sets them
                variables.pop(fixed, None)
            os.execve(sys.executable, [sys.executable, "-c", _SIZED, *arguments], variables)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        os.write(self._terminal, b"\n")  # it waits for its size

    def read_until(self, text: str) -> str:
        """What has come when `text` has; all of it when the command has ended."""
        while text not in self.output:
            try:
                piece = os.read(self._terminal, 65536)
            except OSError:  # it has ended
                break
            self.output += piece.decode(errors="replace")
        return self.output

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def end(self) -> int:
        """Its exit code, when it has ended."""
        self.read_until("\0nothing prints this")
        _, status = os.waitpid(self.pid, 0)
        self.has_ended = True
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(status)


_SIZED = f"input(); {PROGRAM}"


@pytest.fixture
def board(design: SharedState) -> dict[str, Any]:
    return dict(design.get_board())


def lines(board: dict[str, Any], wanted: Filter = ALL, **more: Any) -> list[str]:
    """The picture as plain text."""
    entries = board["entries"]
    shown = picture(board, entries, wanted, **{"width": 100, **more})
    return [line.plain for line in shown]


def test_what_needs_attention_comes_first(board: dict[str, Any]) -> None:
    shown = lines(board)
    heading = shown.index("needs attention")
    assert "high, for system_architect" in shown[heading + 1]
    assert any("actuation is over budget: 12.6/12 kg" in line for line in shown)
    subsystems = shown[shown.index("subsystems") + 1 :]
    assert subsystems[0].startswith("actuation")
    assert any("held by power_agent" in line for line in subsystems[:4])
    assert any(line.startswith("subsystem power: power_agent") for line in shown)
    assert "waiting for its turn" in "\n".join(shown[shown.index("log") :])


def test_a_lease_that_nobody_renews_needs_attention(board: dict[str, Any]) -> None:
    assert not any("is silent" in line for line in lines(board))
    board["leases"][0]["ttl_seconds"] = 3600
    assert any("power_agent is silent" in line for line in lines(board))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (200, 60), (20, 5)])
def test_it_fits_the_window_and_counts_what_does_not(
    board: dict[str, Any], width: int, height: int
) -> None:
    many = copy.deepcopy(board)
    many["conflicts"] *= 100
    many["subsystems"] *= 30
    many["entries"] *= 20
    shown = lines(many, width=width, height=height)
    assert len(shown) == height
    assert any(re.fullmatch("and [0-9]+ more", line) for line in shown)
    assert {"needs attention", "log"} <= set(shown) or height < 10


def test_a_name_of_wide_letters_is_whole_and_a_long_one_shows_that_it_is_not(
    board: dict[str, Any],
) -> None:
    wide, long = "骨格システム", "left_upper_arm_segment_number_12"
    (board["subsystems"][0]["name"], board["subsystems"][1]["name"]) = (wide, long)
    shown = lines(board)
    assert any(line.startswith(f"{wide} ") for line in shown)
    assert any(line.startswith(f"{long[:23]}… ") for line in shown)


@pytest.mark.parametrize("height", range(2, 40))
def test_no_line_of_the_window_is_lost_while_something_is_cut_off(height: int) -> None:
    heights = shares([50, 3, 0, 50], height)
    assert sum(heights) == height
    assert heights[2] == 0


def test_only_what_concerns_a_subsystem_or_an_agent_is_shown(board: dict[str, Any]) -> None:
    of_power = "\n".join(lines(board, Filter(subsystem="power"))[2:])
    assert "Cells too heavy" in of_power
    assert "subsystem power: power_agent" in of_power
    assert "actuation" not in of_power
    of_agent = "\n".join(lines(board, Filter(agent="shell_agent"))[2:])
    assert "Cells too heavy" in of_agent
    assert "waiting for its turn" in of_agent
    assert "skeleton_agent" not in of_agent
    assert "subsystem power" not in of_agent


def test_a_board_that_could_not_be_read_anew_says_of_when_it_is(board: dict[str, Any]) -> None:
    head, *rest = lines(board, cut_off=True)
    assert re.search("as of [0-9:]{8}, reconnecting", head)
    assert rest == lines(board)[1:]


def test_after_an_outage_it_goes_on_and_has_missed_no_entry(
    stack: StackInfo, workspace: str, design: SharedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", stack.database_url)
    watched = Watched(*chosen(workspace, None))
    watched.look()
    with psycopg.connect(stack.database_url, autocommit=True) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'sharedstate' and pid <> pg_backend_pid()"
        )
    design.log_agent_activity("power_agent", "said during the outage")
    watched.look_again()
    before = [line.plain for line in watched.lines(ALL, 100)]
    assert "reconnecting" in before[0]
    assert any("Cells too heavy" in line for line in before)
    watched.look_again()
    after = [line.plain for line in watched.lines(ALL, 100)]
    assert "reconnecting" not in after[0]
    assert sum("said during the outage" in line for line in after) == 1


def test_a_server_that_is_connected_and_says_nothing_counts_as_an_outage(
    stack: StackInfo, workspace: str, design: SharedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", stack.database_url)
    monkeypatch.setattr(watch, "PATIENCE_S", 3.0)
    watched = Watched(*chosen(workspace, None))
    watched.look()
    with psycopg.connect(stack.database_url) as owner:
        owner.execute("lock table public.subsystem_interfaces in access exclusive mode")
        watched.look_again()
        assert "reconnecting" in watched.lines(ALL, 100)[0].plain
    watched.look_again()
    assert "reconnecting" not in watched.lines(ALL, 100)[0].plain


def test_once_prints_all_of_it(command: Command, design: SharedState) -> None:
    shown = command("watch", "--once").stdout
    assert "Cells too heavy" in shown
    assert "\x1b" not in shown


@pytest.fixture
def terminal(
    request: pytest.FixtureRequest, environment: dict[str, str], design: SharedState
) -> Iterator[Terminal]:
    rows, columns = getattr(request, "param", (24, 80))
    shown = Terminal(environment, rows, columns, "watch", "-n", "0.1")
    try:
        shown.read_until(HIDE)
        yield shown
    finally:
        if not shown.has_ended:
            os.kill(shown.pid, signal.SIGKILL)
            shown.end()


@pytest.mark.parametrize("terminal", [(24, 80), (10, 40)], indirect=True)
def test_ctrl_c_leaves_the_terminal_as_it_was(
    terminal: Terminal, request: pytest.FixtureRequest
) -> None:
    rows, columns = request.node.callspec.params["terminal"]
    terminal.read_until("needs attention")
    terminal.type("\x03")
    assert terminal.end() == 0
    before, _, frames = terminal.output.partition(OTHER_SCREEN)
    assert HIDE not in before
    picture, _, after = frames.rpartition(USUAL_SCREEN)
    assert HIDE in picture
    assert picture.endswith(SHOW)
    assert "\x1b" not in after
    for frame in picture.split("\x1b[H")[2:]:
        text = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", frame.partition("^C")[0]).split("\r\n")
        assert len(text) <= rows
        assert all(cell_len(line) <= columns for line in text)


def test_a_request_to_end_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    terminal.read_until("needs attention")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert terminal.output.rstrip().endswith(SHOW + USUAL_SCREEN)
