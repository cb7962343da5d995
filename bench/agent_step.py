"""One step of an agent: lock, read, update, log, release."""

from __future__ import annotations

from measure import Timing, in_turns
from sharedstate import SharedState

AGENT = "skeleton_agent"
SUBSYSTEM = "skeleton"
STATUS = {"state": "designing", "current_mass_kg": 12.5}


def measure(state: SharedState, rounds: int) -> dict[str, Timing]:
    """Timings by way."""
    return in_turns(
        {
            "five calls": lambda: five_calls(state),
            "checkout + checkin": lambda: checkout_and_checkin(state),
        },
        rounds,
    )


def five_calls(state: SharedState) -> None:
    """A round trip for each thing."""
    if not state.acquire_lock("subsystem", SUBSYSTEM, AGENT):
        raise RuntimeError("nobody else should hold this lock")
    state.get_subsystem_status(SUBSYSTEM)
    state.update_subsystem_status(SUBSYSTEM, STATUS)
    state.log_agent_activity(AGENT, "designed", {"bones": 6})
    state.release_lock("subsystem", SUBSYSTEM)


def checkout_and_checkin(state: SharedState) -> None:
    """The same in two, and more is read."""
    checkout = state.checkout_subsystem(SUBSYSTEM, AGENT)
    if not checkout:
        raise RuntimeError("nobody else should hold this lock")
    state.checkin_subsystem(SUBSYSTEM, AGENT, STATUS, activity="designed", details={"bones": 6})
