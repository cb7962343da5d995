"""The customer: reads what is wanted from a file and orders it from the architect."""

from __future__ import annotations

import json
from pathlib import Path

from humanoid.desk import LEASE_S
from humanoid.domain.requirements import RequirementsError, parse_requirements
from humanoid.flow import ARCHITECT, Json
from sharedstate import SharedState

CUSTOMER = "customer"


def read_requirements(path: Path) -> Json:
    """A requirements file, checked. Raises RequirementsError with path and reason."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        parse_requirements(document)
    except OSError as problem:
        raise RequirementsError(f"{path}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise RequirementsError(f"{path}: it is no UTF-8 text") from problem
    except json.JSONDecodeError as problem:
        place = f"{path}:{problem.lineno}:{problem.colno}"
        raise RequirementsError(f"{place}: it is no JSON: {problem.msg}") from problem
    except (ValueError, RecursionError) as problem:
        # Also of json.loads: numbers of thousands of digits, and what is nested too deep.
        raise RequirementsError(f"{path}: {problem}") from problem
    wanted: Json = document
    return wanted


def order(state: SharedState, wanted: Json) -> int:
    """Hands the wishes to the architect: the version of its requirements that counts now.

    The same wishes as before are no new order: the design goes on where it was. Waits while an
    architect that was killed still holds its lock.
    """
    with state.lock("subsystem", ARCHITECT, CUSTOMER, LEASE_S):
        with state.edit_requirements(ARCHITECT, CUSTOMER) as wishes:
            wishes.clear()
            wishes.update(wanted)
        version: int = wishes.row["version"] if wishes.row else wishes.base_version
        status = state.get_subsystem_status(ARCHITECT)
        if status is None or status["metadata"].get("customer") != version:
            news = {"state": "initializing", "customer": version}
            state.update_subsystem_status(ARCHITECT, news)
        return version
