"""Whole steps of an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sharedstate.types.budgets import GlobalConstraintsRow
from sharedstate.types.conflicts import ConflictRow
from sharedstate.types.documents import DesignRow, InterfacesRow, RequirementsRow
from sharedstate.types.locks import Lease
from sharedstate.types.status import SubsystemRow


@dataclass(frozen=True, slots=True)
class Checkout:
    """All that an agent needs for a step, read in the transaction that locked the subsystem.

    `inputs` are the latest interfaces of the subsystems named in `reads` that have published any,
    `input_requirements` the latest requirements of those in `reads_requirements`.
    """

    lease: Lease
    status: SubsystemRow
    requirements: RequirementsRow | None
    interfaces: InterfacesRow | None
    design: DesignRow | None
    constraints: GlobalConstraintsRow | None
    inputs: list[InterfacesRow]
    input_requirements: list[RequirementsRow]
    conflicts: list[ConflictRow]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A checkout that took nothing, because critical conflicts block the agent. False in `if`.

    `conflicts` are those that block it, the most urgent first. `wait_until_unblocked` waits.
    """

    conflicts: list[ConflictRow]

    def __bool__(self) -> Literal[False]:
        return False


@dataclass(frozen=True, slots=True)
class Checkin:
    """What a checkin wrote; `interfaces` and `design` are None where none was given."""

    status: SubsystemRow
    interfaces: InterfacesRow | None
    design: DesignRow | None
    released: bool
