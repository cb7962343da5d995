"""The customer: reads what is wanted from a file and orders it from the architect."""

from __future__ import annotations

import json
from pathlib import Path

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
    except RequirementsError as problem:
        raise RequirementsError(f"{path}: {problem}") from problem
    wanted: Json = document
    return wanted


def order(state: SharedState, wanted: Json) -> int:
    """Hands the wishes to the architect: the version of his requirements that counts now.

    The same wishes as before are no new order: the design goes on where it was.
    """
    latest = state.get_subsystem_requirements(ARCHITECT)
    if latest is None or latest["requirements"] != wanted:
        version = latest["version"] if latest else 0
        latest = state.update_subsystem_requirements(
            ARCHITECT, wanted, CUSTOMER, base_version=version
        )
    status = state.get_subsystem_status(ARCHITECT)
    if status is None or status["metadata"].get("customer") != latest["version"]:
        news = {"state": "initializing", "customer": latest["version"]}
        state.update_subsystem_status(ARCHITECT, news)
    return latest["version"]
