"""Calls that change a budget or what is used of it."""

from __future__ import annotations

from typing import Any

from tests.concurrency.crew import Call

BY = {"agent_name": "system_architect", "reason": "?"}


def reserve(number: int, subsystem: str, mass_kg: float = 1) -> Call:
    run = {"agent_name": f"agent-{number}", "execution_id": f"run-{number}"}
    return "reserve_budget", {"subsystem": subsystem, "mass_kg": mass_kg, **run}


def transfer(number: int, source: str, target: str, mass_kg: float = 1) -> Call:
    names = {"from_subsystem": source, "to_subsystem": target}
    return "transfer_budget", {**names, "mass_kg": mass_kg, "execution_id": f"run-{number}", **BY}


def write(mass_kg: float, subsystem: str = "skeleton", run: str = "run-0", **more: Any) -> Call:
    status = {"current_mass_kg": mass_kg}
    call = {"subsystem": subsystem, "status": status, "execution_id": run, **more}
    return "update_subsystem_status", call


def allocate(**masses: float) -> Call:
    allocations = {name: {"mass_kg": mass} for name, mass in masses.items()}
    constraints = {"budget_allocations": allocations}
    return "update_global_constraints", {"constraints": constraints, "created_by": "x"}
