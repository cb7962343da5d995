"""`sharedstate keys` and `token`: made, filled in, rotated; and who is let in with what."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from tests.stack.installation import Installation

from sharedstate import RetryPolicy, SharedState, errors
from sharedstate_ops.compose_env import PASSWORDS, PROJECT, ROLE_OF_KEY, fill, project_name
from sharedstate_ops.stack import Stack, StackError, StackInfo, gateway, processes, site
from sharedstate_ops.stack.keys import make_token
from sharedstate_ops.stack.paths import checkout_root

KEY_LINES = ("JWT_SECRET", *ROLE_OF_KEY, *PASSWORDS, PROJECT)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """`.env`, just copied from the example."""
    root = checkout_root()
    assert root is not None
    return Path(shutil.copy(root / ".env.example", tmp_path / ".env"))


def _values(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def _role(key: str, secret: str) -> object:
    return jwt.decode(key, secret, algorithms=["HS256"])["role"]


def _state_of_power(state: SharedState) -> str:
    row = state.get_subsystem_status("power")
    assert row is not None
    return row["state"]


def test_the_empty_lines_are_filled_in_and_no_other_line_changes(env_file: Path) -> None:
    before = env_file.read_text().splitlines()
    filled = fill(env_file)
    after = env_file.read_text().splitlines()
    assert set(filled) == set(KEY_LINES)
    assert {new for new, old in zip(after, before, strict=True) if new != old} == {
        f"{name}={value}" for name, value in _values(env_file).items() if name in KEY_LINES
    }
    assert env_file.stat().st_mode & 0o777 == 0o600
    values = _values(env_file)
    for name, role in ROLE_OF_KEY.items():
        assert _role(values[name], values["JWT_SECRET"]) == role
    assert len({values[name] for name in KEY_LINES}) == len(KEY_LINES)


def test_filled_lines_are_not_overwritten_unless_it_is_said_and_passwords_never(
    env_file: Path,
) -> None:
    fill(env_file)
    before = _values(env_file)
    inode = env_file.stat().st_ino
    assert fill(env_file) == []
    assert _values(env_file) == before
    assert env_file.stat().st_ino == inode
    fill(env_file, force=True)
    after = _values(env_file)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"JWT_SECRET", *ROLE_OF_KEY}
    assert _role(after["SUPABASE_KEY"], after["JWT_SECRET"]) == "authenticated"


def test_a_secret_that_is_there_signs_the_keys_that_are_missing(env_file: Path) -> None:
    secret = "s" * 40
    text = env_file.read_text().replace("JWT_SECRET=", f"JWT_SECRET={secret}")
    env_file.write_text(text.replace("SUPABASE_KEY=", "SUPABASE_KEY=mine"))
    assert set(fill(env_file)) == {
        "SUPABASE_ANON_KEY",
        "SUPABASE_SERVICE_ROLE_KEY",
        *PASSWORDS,
        PROJECT,
    }
    assert _values(env_file)["SUPABASE_KEY"] == "mine"
    assert _role(_values(env_file)["SUPABASE_ANON_KEY"], secret) == "anon"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SUPABASE_KEY=mine\nJWT_SECRET=\n", "has SUPABASE_KEY, but not the JWT_SECRET"),
        ("SUPABASE_KEY=\n", "no line for JWT_SECRET"),
        ("OTHER=1\n", "has no lines for keys"),
    ],
)
def test_what_cannot_be_filled_in_is_left_as_it_is(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / ".env"
    path.write_text(text)
    with pytest.raises(StackError, match=problem):
        fill(path)
    assert path.read_text() == text


def test_checkouts_in_folders_of_the_same_name_are_projects_of_their_own(
    env_file: Path, tmp_path: Path
) -> None:
    names = []
    for parent in ("one", "two"):
        checkout = tmp_path / parent / "My.Robot"
        checkout.mkdir(parents=True)
        for _ in range(2):
            # The second time as somebody who has lost `.env`, and not the volumes.
            fill(Path(shutil.copy(env_file, checkout / ".env")))
            names.append(_values(checkout / ".env")[PROJECT])
    assert names[0] == names[1] != names[2] == names[3]
    assert all(re.fullmatch("myrobot-[0-9a-f]{8}", name) for name in names)
    # What Compose allows begins with a letter or a digit.
    assert re.fullmatch("sharedstate-[0-9a-f]{8}", project_name(tmp_path / "手"))
    (checkout / ".env").write_text(f"{PROJECT}=mine\nJWT_SECRET=\n")
    fill(checkout / ".env", force=True)
    assert _values(checkout / ".env")[PROJECT] == "mine"


def test_the_commands_say_what_they_did_and_what_to_do(
    installation: Installation, env_file: Path
) -> None:
    answer = installation.run("keys", "--env", str(env_file))
    assert answer.returncode == 0, answer.stderr
    assert "filled in" in answer.stdout
    before = env_file.read_text()
    answer = installation.run("keys", "--env", str(env_file))
    assert answer.returncode == 0, answer.stderr
    assert "nothing changed" in answer.stdout
    assert env_file.read_text() == before
    answer = installation.run("keys", "--env", "absent")
    assert answer.returncode == 1
    assert "cp .env.example .env" in answer.stderr
    lines = dict(line.split("=", 1) for line in installation.run("keys").stdout.splitlines())
    assert lines.keys() == {"JWT_SECRET", *ROLE_OF_KEY}
    assert installation.run("keys", "--rotate").returncode == 1
    assert not (installation.root / ".sharedstate").exists()
    for ttl in ("soon", "0s", "11y", "4000d", "999999999w"):
        assert installation.run("token", "--ttl", ttl).returncode == 2, ttl
    no_secret = installation.run("token")
    assert no_secret.returncode == 1
    assert "JWT_SECRET" in no_secret.stderr


def test_a_token_is_signed_with_the_secret_of_the_environment_or_of_the_env_file(
    installation: Installation, env_file: Path
) -> None:
    shutil.copy(env_file, installation.root / ".env")
    fill(installation.root / ".env")
    made = installation.run("token", "--workspace", "w", "--agent", "a", "--ttl", "30m")
    secret = _values(installation.root / ".env")["JWT_SECRET"]
    claims = jwt.decode(made.stdout.strip(), secret, algorithms=["HS256"])
    # Dated back, for a server whose clock is behind.
    assert claims["exp"] - claims["iat"] == 1800 + 60
    assert 1700 < claims["exp"] - time.time() <= 1800
    assert (claims["role"], claims["workspace"], claims["agent"]) == ("authenticated", "w", "a")
    installation.environment["JWT_SECRET"] = "e" * 40
    made = installation.run("token", "--role", "service_role")
    claims = jwt.decode(made.stdout.strip(), "e" * 40, algorithms=["HS256"])
    assert claims["role"] == "service_role"
    assert not {"workspace", "agent"} & claims.keys()


def test_an_operators_token_for_one_workspace_is_refused_because_it_would_open_all(
    installation: Installation,
) -> None:
    installation.environment["JWT_SECRET"] = "e" * 40
    made = installation.run("token", "--role", "service_role", "--workspace", "w")
    assert (made.returncode, made.stdout) == (1, "")
    assert "opens every workspace" in made.stderr
    assert "--role authenticated" in made.stderr
    made = installation.run("token", "--role", "service_role", "--agent", "chief")
    claims = jwt.decode(made.stdout.strip(), "e" * 40, algorithms=["HS256"])
    assert (claims["role"], claims["agent"]) == ("service_role", "chief")


def test_an_operators_token_for_one_agent_acts_under_its_name_alone(
    shared_installation: Installation,
) -> None:
    made = shared_installation.run("token", "--role", "service_role", "--agent", "chief")
    info = Stack(shared_installation.root).info
    with SharedState(url=info.url, key=made.stdout.strip()) as state:
        assert state.log_agent_activity("chief", "looked_around")["agent_name"] == "chief"
        with pytest.raises(errors.AgentMismatch):
            state.force_release_lock(
                "subsystem", "power", released_by="somebody", reason="its machine is gone"
            )


def test_a_token_is_for_the_stack_that_runs_and_not_for_a_stopped_one_of_the_env_file(
    shared_installation: Installation,
) -> None:
    """The same order in which commands find their database."""
    env_file = shared_installation.root / ".env"
    before = env_file.read_text()
    env_file.write_text(f"{before}JWT_SECRET={'c' * 40}\n")
    try:
        info = Stack(shared_installation.root).info
        made = shared_installation.run("token", "--ttl", "5m")
        with SharedState(url=info.url, key=made.stdout.strip()) as state:
            assert _state_of_power(state)
    finally:
        env_file.write_text(before)


def test_a_token_of_this_installation_pins_workspace_and_agent(
    shared_installation: Installation,
) -> None:
    answer = shared_installation.run("token", "--workspace", "default", "--agent", "power_agent")
    assert answer.returncode == 0, answer.stderr
    info = Stack(shared_installation.root).info
    with SharedState(url=info.url, key=answer.stdout.strip(), workspace="elsewhere") as state:
        assert state.workspace == "default"
        assert state.acquire_lock("subsystem", "power", "power_agent")
        assert state.release_lock("subsystem", "power")
        with pytest.raises(errors.AgentMismatch):
            state.acquire_lock("subsystem", "power", "shell_agent")


def _key_of(stack: StackInfo, **claims: int) -> str:
    claims = {"exp": int(time.time()) + 3600} | claims
    return jwt.encode({"role": "authenticated", **claims}, stack.jwt_secret, algorithm="HS256")


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_key_from_a_clock_that_is_33_s_ahead_works_when_the_client_has_waited_for_it(
    stack: StackInfo, workspace: str, claim: str
) -> None:
    """PostgREST allows for 30 s."""
    key = _key_of(stack, **{claim: int(time.time()) + 33})
    with SharedState(url=stack.url, key=key, workspace=workspace) as state:
        assert _state_of_power(state) == "not_started"


def test_each_fault_of_a_key_has_an_error_of_its_own(stack: StackInfo, workspace: str) -> None:
    end = int(time.time()) - 3600
    for key, problem, said in (
        (_key_of(stack, iat=end + 36_000), errors.ClockSkew, "clock"),
        (_key_of(stack, exp=end), errors.ExpiredKey, datetime.fromtimestamp(end, UTC).isoformat()),
        (make_token("x" * 40, "authenticated"), errors.InvalidKey, "SUPABASE_KEY"),
    ):
        with (
            SharedState(
                url=stack.url, key=key, workspace=workspace, retry=RetryPolicy(attempts=1)
            ) as state,
            pytest.raises(problem, match=re.escape(said)) as caught,
        ):
            state.get_subsystem_status("power")
        assert type(caught.value) is problem


@pytest.fixture
def platform_url(installation: Installation, stack: StackInfo) -> Iterator[str]:
    """A gateway that, like the platform's, puts a short token in the place of an opaque key."""
    home = Stack(installation.root).home
    site.make_folder(home)
    made = site.prepare(home, lambda message: None)
    lines = {
        "sb_publishable_test": make_token(stack.jwt_secret, "anon", ttl=timedelta(minutes=5)),
        "sb_secret_test": make_token(stack.jwt_secret, "service_role", ttl=timedelta(minutes=5)),
    }
    text = "".join(f'{key} "Bearer {token}";\n' for key, token in lines.items())
    (made.home.run / "apikeys.map").write_text(text)
    port = processes.free_port()
    process = gateway.start(made, port, [int(stack.postgrest_url.rsplit(":", 1)[1])])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        processes.end(process)


def test_a_secret_key_of_the_platform_is_an_operator_for_this_client_and_for_supabase_py(
    platform_url: str, workspace: str
) -> None:
    with SharedState(url=platform_url, key="sb_secret_test", workspace=workspace) as state:
        assert _state_of_power(state) == "not_started"
        # supabase-py repeats the key in Authorization.
        query = state.supabase.table("subsystems").select("name").eq("workspace", workspace)
        rows = query.execute().data
        assert len(rows) == 7


def test_a_publishable_key_opens_nothing_alone_and_with_a_token_it_is_that_agent(
    platform_url: str, stack: StackInfo, workspace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SharedState(url=platform_url, key="sb_publishable_test", workspace=workspace) as state:
        with pytest.raises(errors.SharedStateError) as caught:
            state.get_subsystem_status("power")
        assert isinstance(caught.value, errors.PermissionDenied)
    token = make_token(
        stack.jwt_secret, "authenticated", workspace=workspace, agent="power_agent", ttl=600
    )
    monkeypatch.setenv("SUPABASE_URL", platform_url)
    monkeypatch.setenv("SUPABASE_KEY", "sb_publishable_test")
    monkeypatch.setenv("SHAREDSTATE_TOKEN", token)
    with SharedState() as state:
        assert state.workspace == workspace
        assert _state_of_power(state) == "not_started"
        assert len(state.supabase.table("subsystems").select("name").execute().data) == 7
        with pytest.raises(errors.AgentMismatch):
            state.log_agent_activity("shell_agent", "design_complete")


def test_an_opaque_key_that_the_gateway_does_not_know_is_refused(
    platform_url: str, stack: StackInfo
) -> None:
    for url in (platform_url, stack.url):
        answer = httpx.get(
            f"{url}/rest/v1/subsystems", headers={"apikey": "sb_secret_other"}, trust_env=False
        )
        assert answer.status_code == 401
