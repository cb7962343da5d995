"""A hosted project: after the migrations alone, keys and the API are all that it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tests.operations.databases import Database

from sharedstate import SharedState
from sharedstate_ops.stack import Stack, migrations
from sharedstate_ops.stack.keys import make_token

# What the owner of a hosted database may not do, or what would be outside of the migrations' reach.
FORBIDDEN = re.compile(
    r"^\s*(create|alter|drop) (role|user|database|extension|tablespace|event trigger|server)\b"
    r"|^\s*(alter system|grant .* on database|create publication|set role|reset role)\b"
    r"|\b(auth|storage|vault|extensions|graphql_public)\.\w+",
    re.IGNORECASE | re.MULTILINE,
)


@pytest.mark.parametrize("migration", migrations.available(), ids=lambda each: each.version)
def test_the_migrations_ask_for_nothing_that_a_hosted_project_refuses(
    migration: migrations.Migration,
) -> None:
    text = re.sub(r"--.*|'[^']*'", "", migration.text)
    assert FORBIDDEN.search(text) is None


def test_who_applies_them_is_no_superuser(database: Callable[..., Database]) -> None:
    made = database(empty=True)
    query = "select rolsuper from pg_roles where rolname = current_user"
    assert made.one(query) is False
    assert made.migrate()


def test_after_the_migrations_everything_goes_through_the_api(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    # It applies the migrations and no more: workspaces are the command line's.
    info = stack.up()
    try:
        answer = httpx.post(
            f"{info.url}/rest/v1/rpc/init_workspace",
            json={"workspace_name": "robot"},
            headers={"apikey": info.service_key},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        token = make_token(
            info.jwt_secret, "authenticated", workspace="robot", agent="power_agent", ttl=600
        )
        with SharedState(url=info.url, key=token) as state:
            assert len(state.get_all_subsystem_statuses()) == 7
            with state.lock("subsystem", "power", "power_agent"):
                state.update_subsystem_status("power", {"state": "complete"})
            assert state.get_recent_activity(limit=1)[0]["agent_name"] == "power_agent"
    finally:
        stack.down()
