"""A workspace that no single answer can hold: the export says so, and what to do instead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.sql.support import Api

from sharedstate import SharedState, errors
from sharedstate_ops.operator import Operator
from sharedstate_ops.stack.connections import connect

FILL = """
  insert into public.subsystem_designs (workspace, subsystem_name, version, design_data, created_by)
  select %s, 'skeleton', n, jsonb_build_object('text', repeat('x', 9000000)), 'skeleton_agent'
  from generate_series(1, 30) as n"""


@pytest.fixture
def large(api: Api) -> Iterator[Api]:
    """30 versions of a design, of 9 MB each; compressed they take little room."""
    api.sql(FILL, api.workspace)
    yield api
    api.sql("delete from public.subsystem_designs where workspace = %s", api.workspace)


def test_an_export_beyond_what_postgres_holds_is_refused_with_what_to_do(large: Api) -> None:
    detail = large.refused("export_state", "export_too_large")
    assert detail == {"workspace": large.workspace, "limit_bytes": 268_435_455}
    info = large.stack
    with (
        SharedState("x", url=info.url, key=info.agent_key, workspace=large.workspace) as state,
        pytest.raises(errors.ExportTooLarge) as refused,
    ):
        state.export_state()
    assert "sharedstate backup" in refused.value.hint
    assert "sharedstate prune" in refused.value.hint
    with (
        connect(info.database_url) as connection,
        pytest.raises(errors.ExportTooLarge),
    ):
        Operator(connection, large.workspace).call("export_state")
