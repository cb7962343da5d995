"""The report on a design: its figures, and the page as a browser reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from tests.cli.conftest import HOSTILE
from tests.command_line import Command

from sharedstate import SharedState
from sharedstate_ops.report.curves import Frame, sparkline, svg

BEGIN, END = "2026-01-01T00:00:00+00:00", "2026-01-01T01:00:00+00:00"
HALF, LATER = "2026-01-01T00:30:00+00:00", "2026-01-01T00:45:00+00:00"


def values(report: dict[str, Any], name: str, quantity: str, curve: str) -> list[float]:
    """What a budget went through."""
    (row,) = (
        row for row in report["budgets"] if (row["name"], row["quantity"]) == (name, quantity)
    )
    return [value for _, value in row[curve]]


def test_it_has_what_was_done_and_used_over_time(command: Command, design: SharedState) -> None:
    design.transfer_budget("reserve", "actuation", mass_kg=0.6, reason="gears")
    checkout = design.checkout_subsystem("skeleton", "skeleton_agent")
    assert checkout
    design.checkin_subsystem("skeleton", "skeleton_agent", {"current_mass_kg": 9.5})
    report = command("report", "--json").json
    assert values(report, "skeleton", "mass_kg", "used") == [12.5, 9.5]
    assert values(report, "actuation", "mass_kg", "used") == [12.6]
    assert values(report, "robot", "mass_kg", "used") == [12.5, 25.1, 22.1]
    assert values(report, "actuation", "mass_kg", "allocated") == [12, 12.6]
    agents = {row["agent_name"]: row["activities"] for row in report["agents"]}
    assert agents["shell_agent"] == {"waiting": 1, "started": 1}
    (wait,) = report["waits"]
    assert (wait["agent_name"], wait["for"], wait["times"]) == ("shell_agent", "its turn", 1)
    assert 0 <= wait["seconds"] < 60
    by_source = {row["source_agent"]: row for row in report["conflicts"]}
    assert by_source["power_agent"]["status"] == "open"
    assert by_source["actuation"]["resolved_by"] == "sharedstate"
    published = [(row["subsystem"], row["document"], row["version"]) for row in report["versions"]]
    assert published == [("skeleton", "design", 1), ("skeleton", "design", 2)]


def test_amounts_in_the_log_that_no_status_can_have_are_left_out(
    command: Command, design: SharedState
) -> None:
    for amount in (-5, 1e300, "12", None, [1], 0.5):
        amounts = {"current_mass_kg": amount, "current_cost_usd": 0, "current_power_w": 0}
        design.log_agent_activity("a", "said", {"subsystem": "sensing", **amounts})
    report = command("report", "--json").json
    assert set(values(report, "sensing", "mass_kg", "used")) <= {0.5, 1}
    assert command("report").exit_code == 0


def test_of_what_came_before_since_only_the_state_is_told(
    command: Command, design: SharedState
) -> None:
    report = command("report", "--since", "0s", "--json").json
    assert report["agents"] == report["versions"] == []
    # In a time without an entry what is used stays as it is, and does not begin with 0.
    (used,) = re.findall(
        "^skeleton +kg .*", command("report", "--since", "0s").stdout, re.MULTILINE
    )
    assert "▁" not in used
    assert values(report, "skeleton", "mass_kg", "used") == [12.5]
    assert [row["status"] for row in report["conflicts"]] == ["open", "open"]


def test_it_has_who_waits_now_and_what_became_of_locks(
    command: Command, design: SharedState
) -> None:
    waits = {"execution_id": "run-2", "wait_seconds": 60, "request_id": str(uuid4())}
    place = {"resource_type": "subsystem", "resource_name": "power"}
    design.supabase.rpc("acquire_lock", {**place, **waits, "agent_name": "shell_agent"}).execute()
    text = command("report").stdout
    assert "subsystem power, now in line at 1" in text
    design.log_agent_activity("shell_agent", "lock_waited", {**place, "waited_seconds": 90})
    design.log_agent_activity("shell_agent", "lock_waited", {**place, "waited_seconds": "long"})
    # What an agent says of the same wait does not count it twice.
    design.log_agent_activity("tail_agent", "waiting", {"for": "its lock"})
    design.log_agent_activity("tail_agent", "lock_waited", {**place, "waited_seconds": 5})
    command("release", "power", "--force", "--reason", "it hangs", "--as", "anna")
    text = command("report").stdout
    assert "lock_forced" in text
    assert "now in line" not in text
    assert re.search(r"shell_agent +subsystem power +1 +1 min 30 s", text)
    assert re.search(r"tail_agent +subsystem power +1 +5 s", text)
    assert "its lock" not in text


def test_an_empty_design_has_a_report(command: Command, tmp_path: Path) -> None:
    assert "conflicts\nnone" in command("report").stdout
    assert command("report", "--html", tmp_path / "page.html").exit_code == 0


def test_the_page_is_one_file_without_a_script_in_which_names_are_text(
    command: Command, design: SharedState, tmp_path: Path
) -> None:
    design.update_subsystem_status(HOSTILE, {"state": HOSTILE, "current_mass_kg": 3})
    design.update_subsystem_design(HOSTILE, {"x" * 5000: HOSTILE}, HOSTILE)
    design.log_agent_activity(HOSTILE, "waiting", {"for": f"{HOSTILE} \x1b[2J"})
    design.log_conflict("low", HOSTILE, HOSTILE, f"{HOSTILE} " + "W" * 9000)
    path = tmp_path / "page.html"
    answer = command("report", "--html", path)
    assert answer.exit_code == 0
    assert str(path) in answer.stdout
    page = path.read_text(encoding="utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", page)
    # It is well-formed, so what a browser sees is what is found here.
    root = ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section", "table", "tr",
        "th", "td", "div", "figure", "figcaption", "svg", "line", "path", "text",
    }  # fmt: skip
    assert not {name for element in root.iter() for name in element.attrib if name[:2] == "on"}
    assert not re.search(r"(?:href|src)=|url\(|@import", page)
    assert "default-src 'none'" in page
    assert any(HOSTILE in (element.text or "") for element in root.iter("td"))
    plots = [element for element in root.iter() if element.tag.endswith("svg")]
    assert any(HOSTILE in (plot[0].text or "") for plot in plots)
    assert all(plot.get("role") == "img" for plot in plots)


def test_a_curve_has_steps_and_a_gap_where_it_has_no_value() -> None:
    used = [(BEGIN, 0), (HALF, 10)]
    allocated = [(BEGIN, 20), (HALF, None), (LATER, 20)]
    frame = Frame(BEGIN, END, used, allocated)
    plot = ElementTree.fromstring(svg(frame, "power", used, allocated))
    paths = [(each.get("class"), each.get("d")) for each in plot if each.tag.endswith("path")]
    assert paths == [
        ("allocated", "M60.0 8.0H270.0"),
        ("allocated", "M375.0 8.0H480.0"),
        ("used", "M60.0 110.0H270.0V59.0H480.0"),
    ]


@pytest.mark.parametrize(
    ("used", "blocks"),
    [([], "▁▁▁▁"), ([(BEGIN, 8)], "████"), ([(BEGIN, 0), (HALF, 8), (LATER, None)], "▁█▁▁")],
)
def test_a_curve_in_blocks(used: list[tuple[str, Any]], blocks: str) -> None:
    assert sparkline(Frame(BEGIN, END, used), used, width=4) == blocks
