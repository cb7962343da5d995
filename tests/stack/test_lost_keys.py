"""A database whose passwords are not those of the key file is never locked away."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import httpx
import pytest

from sharedstate_ops.stack import Stack, StackInfo, postgres
from sharedstate_ops.stack.keys import new_keys, read_keys, write_keys

MakeStack = Callable[[], Stack]


def _answers(info: StackInfo) -> bool:
    url, headers = f"{info.url}/rest/v1/notes", {"apikey": info.service_key}
    rows: object = httpx.get(url, headers=headers, trust_env=False).json()
    return rows == [{"id": 1, "body": "kept"}]


def _with_a_note(stack: Stack) -> Stack:
    stack.up()
    with stack.database() as connection:
        connection.execute("insert into notes values (1, 'kept')")
    return stack


def test_keys_that_are_lost_while_the_stack_runs_are_made_anew_and_the_data_stays(
    scratch_stack: MakeStack,
) -> None:
    stack = _with_a_note(scratch_stack())
    before = stack.info
    stack.home.keys_file.unlink()
    steps: list[str] = []
    info = stack.up(steps.append)
    assert _answers(info)
    assert info.agent_key != before.agent_key
    assert info.database_url != before.database_url
    assert any("setting new passwords" in step for step in steps)
    assert stack.up() == info


@pytest.mark.parametrize("step", ["set_admin_password", "create_roles_and_database"])
@pytest.mark.parametrize("running", [True, False])
def test_an_up_that_is_interrupted_after_it_made_new_keys_is_finished_by_the_next_one(
    scratch_stack: MakeStack,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    running: bool,
) -> None:
    stack = _with_a_note(scratch_stack())
    if not running:
        stack.down()
    stack.home.keys_file.unlink()

    def interrupted(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("postgres", 60)

    with monkeypatch.context() as patch:
        patch.setattr(postgres, step, interrupted)
        with pytest.raises(subprocess.TimeoutExpired):
            stack.up()
    assert _answers(scratch_stack().up())


def test_a_first_up_that_is_interrupted_before_the_roles_exist_is_finished_by_the_next_one(
    new_scratch_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(postgres, "create_roles_and_database", interrupted)
        with pytest.raises(KeyboardInterrupt):
            new_scratch_stack().up()
    assert _answers(_with_a_note(new_scratch_stack()).info)


@pytest.mark.parametrize("running", [True, False])
def test_up_sets_the_passwords_of_a_replaced_key_file_in_the_database(
    scratch_stack: MakeStack, running: bool
) -> None:
    stack = _with_a_note(scratch_stack())
    if not running:
        stack.down()
    write_keys(stack.home.keys_file, new_keys())
    keys = read_keys(stack.home.keys_file)
    assert _answers(stack.up())
    assert read_keys(stack.home.keys_file) == keys


def test_status_of_what_runs_without_its_keys_says_that_they_are_missing(
    scratch_stack: MakeStack,
) -> None:
    stack = scratch_stack()
    stack.up()
    stack.home.keys_file.unlink()
    for part in stack.status():
        assert not part.running
        assert part.pid
        assert "keys.json is missing: `sharedstate up` makes new ones" in part.detail
    stack.up()
    assert all(part.running for part in stack.status())
