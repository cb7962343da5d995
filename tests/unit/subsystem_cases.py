"""What the calls that design one subsystem send: locks, status, documents, inputs, checkouts."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.unit.cases import ID, ROW, Case

from sharedstate import Blocked, Checkin, Checkout, Lease

LOCK = {
    "workspace": "robot",
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "locked_by": "skeleton_agent",
    "execution_id": "my-run",
    "locked_at": "2026-11-22T19:35:44.0318+00:00",
    "expires_at": "2026-11-22T19:40:44.0318+00:00",
    "ttl_seconds": 300,
    "fencing_token": 17,
    "request_id": ID,
    "provisional": False,
}
LEASE = Lease(
    resource_type="subsystem",
    resource_name="skeleton",
    agent_name="skeleton_agent",
    execution_id="my-run",
    fencing_token=17,
    expires_at=datetime(2026, 11, 22, 19, 40, 44, 31800, UTC),
    request_id=ID,
)
COMPOSITE = {
    "lease": LOCK,
    "status": ROW,
    "requirements": None,
    "interfaces": ROW,
    "design": None,
    "constraints": ROW,
    "inputs": [ROW],
    "input_requirements": [],
    "conflicts": [],
}
LOCKING = ("subsystem", "skeleton", "skeleton_agent")
ACQUIRE = {
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
    "ttl_seconds": 300,
    "wait_seconds": 0,
    "priority": 3,
}
RELEASE = {
    "resource_type": "subsystem",
    "resource_name": "skeleton",
    "execution_id": "my-run",
    "fencing_token": None,
}
CHECKOUT = {
    "subsystem": "skeleton",
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
    "ttl_seconds": 60,
    "reads": ["power", "shell"],
    "reads_requirements": [],
    "fencing_token": None,
}
DEPENDENCY = {
    "subsystem": "skeleton",
    "on_subsystem": "power",
    "document": "interfaces",
    "agent_name": "skeleton_agent",
    "execution_id": "my-run",
}


def _document(kind: str, key: str) -> Case:
    return Case(
        f"update_subsystem_{kind}",
        ("skeleton", {"joints": 10}, "skeleton_agent"),
        {
            "subsystem": "skeleton",
            key: {"joints": 10},
            "created_by": "skeleton_agent",
            "base_version": 2,
            "fencing_token": 17,
            "execution_id": "my-run",
        },
        ROW,
        ROW,
        {"base_version": 2, "fencing_token": 17},
    )


SUBSYSTEM_CASES = [
    Case("acquire_lock", LOCKING, ACQUIRE, LOCK, LEASE),
    Case("acquire_lock", LOCKING, ACQUIRE, None, None),
    Case("acquire_lock", LOCKING, ACQUIRE, dict.fromkeys(LOCK), None),
    Case(
        "renew_lock",
        ("subsystem", "skeleton", 60),
        {**RELEASE, "fencing_token": 17, "ttl_seconds": 60},
        LOCK,
        LEASE,
        {"fencing_token": 17},
    ),
    Case("release_lock", ("subsystem", "skeleton"), RELEASE, LOCK, True),
    Case("release_lock", ("subsystem", "skeleton"), RELEASE, None, False),
    Case(
        "force_release_lock",
        ("subsystem", "skeleton", "operator", "it hangs"),
        {
            "resource_type": "subsystem",
            "resource_name": "skeleton",
            "released_by": "operator",
            "reason": "it hangs",
        },
        LOCK,
        LOCK,
    ),
    Case("cleanup_expired_locks", (), {}, 4, 4, mutates=False),
    Case(
        "update_subsystem_status",
        ("skeleton", {"state": "designing"}),
        {
            "subsystem": "skeleton",
            "status": {"state": "designing"},
            "execution_id": "my-run",
            "fencing_token": None,
            "strict": False,
        },
        ROW,
        ROW,
    ),
    _document("requirements", "requirements"),
    _document("interfaces", "interfaces"),
    _document("design", "design_data"),
    *(
        Case(
            f"diff_subsystem_{kind}",
            ("skeleton", 1, 3),
            {"subsystem": "skeleton", "document": kind, "from_version": 1, "to_version": 3},
            [ROW],
            [ROW],
            mutates=False,
            function="diff_documents",
        )
        for kind in ("requirements", "interfaces", "design")
    ),
    Case(
        "record_dependency",
        ("skeleton", "power", "interfaces", "skeleton_agent", 2),
        {**DEPENDENCY, "version": 2},
        ROW,
        ROW,
    ),
    Case(
        "remove_dependency",
        ("skeleton", "power", "interfaces", "skeleton_agent"),
        DEPENDENCY,
        [ROW],
        True,
    ),
    Case(
        "checkout_subsystem",
        ("skeleton", "skeleton_agent", 60),
        CHECKOUT,
        [COMPOSITE],
        Checkout(LEASE, ROW, None, ROW, None, ROW, [ROW], [], []),  # type: ignore[arg-type,list-item]
        {"reads": ("power", "shell")},
    ),
    Case(
        "checkout_subsystem",
        ("skeleton", "skeleton_agent", 60),
        CHECKOUT,
        [],
        None,
        {"reads": ["power", "shell"]},
    ),
    Case(
        "checkout_subsystem",
        ("skeleton", "skeleton_agent", 60),
        CHECKOUT,
        [{**dict.fromkeys(COMPOSITE), "inputs": [], "blocked_by": [ROW]}],
        Blocked([ROW]),  # type: ignore[list-item]
        {"reads": ["power", "shell"]},
    ),
    Case(
        "checkin_subsystem",
        ("skeleton", "skeleton_agent", {"state": "complete"}),
        {
            "subsystem": "skeleton",
            "agent_name": "skeleton_agent",
            "execution_id": "my-run",
            "fencing_token": 17,
            "status": {"state": "complete"},
            "interfaces": {"mounts": 4},
            "design_data": None,
            "activity": "done",
            "details": {},
            "release": True,
            "accept_stale": None,
            "strict": False,
        },
        {"status": ROW, "interfaces": ROW, "design": None, "released": True},
        Checkin(ROW, ROW, None, True),  # type: ignore[arg-type]
        {"interfaces": {"mounts": 4}, "activity": "done", "fencing_token": 17},
    ),
]
