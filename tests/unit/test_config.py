"""Where url, key and workspace come from."""

from __future__ import annotations

import base64
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest

from sharedstate import SharedState, config, errors

FILE = "SUPABASE_URL=http://file:1\nSUPABASE_KEY=file-key\nSHAREDSTATE_WORKSPACE=file-workspace\n"
VARIABLES = {
    "SUPABASE_URL": "http://environment:1",
    "SUPABASE_KEY": "environment-key",
    "SHAREDSTATE_WORKSPACE": "environment-workspace",
}


def _key(**claims: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{payload}.signature"


def test_arguments_win_over_environment_and_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    settings = config.load("http://argument:1", "argument-key", "argument-workspace",
                           environ=VARIABLES, directory=tmp_path)  # fmt: skip
    assert (settings.url, settings.key, settings.workspace) == (
        "http://argument:1",
        "argument-key",
        "argument-workspace",
    )


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    settings = config.load(environ=VARIABLES, directory=tmp_path)
    assert (settings.url, settings.key, settings.workspace) == tuple(VARIABLES.values())


def test_each_variable_is_looked_up_for_itself(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    settings = config.load(environ={"SHAREDSTATE_WORKSPACE": "mine"}, directory=tmp_path)
    assert (settings.url, settings.workspace) == ("http://file:1", "mine")


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    settings = config.load(environ=dict.fromkeys(VARIABLES, ""), directory=tmp_path)
    assert settings.url == "http://file:1"


def test_the_file_is_found_from_a_folder_below_and_the_nearest_with_keys_counts(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text(FILE)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / ".env").write_text("SOMETHING_ELSE=1\n")
    (below / ".env").mkdir()
    assert config.load(environ={}, directory=below).url == "http://file:1"
    (tmp_path / "a" / ".env").write_text("SUPABASE_URL=http://near:1\nSUPABASE_KEY=k\n")
    settings = config.load(environ={}, directory=below)
    assert (settings.url, settings.workspace) == ("http://near:1", "default")


def test_the_working_directory_is_where_the_search_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(FILE)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    before = dict(os.environ)
    with SharedState() as state:
        assert (state.url, state.workspace) == ("http://file:1", "file-workspace")
    assert dict(os.environ) == before


def test_a_dollar_sign_in_the_file_is_just_that(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SUPABASE_URL=http://a:1\nSUPABASE_KEY=a${HOME}b\n")
    assert config.load(environ={}, directory=tmp_path).key == "a${HOME}b"


def test_a_broken_file_is_passed_over_and_named_when_there_is_no_other(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE)
    below = tmp_path / "below"
    below.mkdir()
    (below / ".env").write_bytes(FILE.encode("utf-16"))
    assert config.load(environ={}, directory=below).url == "http://file:1"
    (tmp_path / ".env").unlink()
    with pytest.raises(errors.NotConfigured, match="is not UTF-8") as caught:
        config.load(environ={}, directory=below)
    assert caught.value.detail["unreadable"] == [f"{below / '.env'} (is not UTF-8)"]


def test_a_file_that_begins_with_the_mark_of_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(FILE, encoding="utf-8-sig")
    assert config.load(environ={}, directory=tmp_path).url == "http://file:1"


def test_a_working_directory_that_was_deleted_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert config.load("http://a:1", "key").url == "http://a:1"
    with pytest.raises(errors.NotConfigured):
        config.load()


def test_without_settings_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(errors.NotConfigured, match=r"SUPABASE_URL and SUPABASE_KEY.*make up") as e:
        config.load(environ={}, directory=tmp_path)
    assert e.value.detail == {"missing": ["SUPABASE_URL", "SUPABASE_KEY"]}
    with pytest.raises(errors.NotConfigured) as e:
        config.load("http://a:1", environ={}, directory=tmp_path)
    assert e.value.detail == {"missing": ["SUPABASE_KEY"]}


def test_the_key_s_workspace_claim_wins_as_in_the_database() -> None:
    key = _key(role="authenticated", workspace="pinned")
    assert config.load("http://a:1", key, "other").workspace == "pinned"
    assert config.load("http://a:1", _key(role="authenticated"), "other").workspace == "other"


@pytest.mark.parametrize("key", ["sb_secret_abc", "a.b.c", "a.W10.c", "..", "a.e30.c"])
def test_a_key_without_a_readable_claim_leaves_the_workspace_alone(key: str) -> None:
    assert config.load("http://a:1", key, environ={}).workspace == "default"


def test_a_key_of_the_platform_is_no_token_and_goes_into_apikey_alone() -> None:
    settings = config.load("https://a.supabase.co", "sb_secret_abc", environ={})
    assert settings.credentials == {"apikey": "sb_secret_abc"}
    settings = config.load("http://a:1", "eyJ.e30.s", environ={})
    assert settings.credentials == {"apikey": "eyJ.e30.s", "Authorization": "Bearer eyJ.e30.s"}


def test_a_token_says_who_we_are_beside_a_key_that_everybody_has() -> None:
    token = _key(role="authenticated", workspace="pinned", agent="power_agent")
    variables = {"SUPABASE_KEY": "sb_publishable_abc", "SHAREDSTATE_TOKEN": token}
    settings = config.load("https://a.supabase.co", environ=variables)
    assert settings.credentials == {
        "apikey": "sb_publishable_abc",
        "Authorization": f"Bearer {token}",
    }
    assert settings.workspace == "pinned"
    assert token not in repr(settings)


def test_a_token_of_the_file_does_not_go_with_a_key_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"{FILE}SHAREDSTATE_TOKEN=file-token\n")
    assert config.load(environ={}, directory=tmp_path).token == "file-token"
    assert config.load(environ={"SUPABASE_KEY": "mine"}, directory=tmp_path).token is None
    variables = {"SHAREDSTATE_TOKEN": "environment-token"}
    assert config.load(environ=variables, directory=tmp_path).token == "environment-token"
    assert config.load("http://a:1", "argument", environ=variables).token is None


@pytest.mark.parametrize("key", ["two\nlines", "a b", "ключ", "tab\there"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        config.load("http://a:1", key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:8000", "ftp://a", "http://", "http://a b", "http://a?q", "http://:80"),
        *("http://127.0.0.1:abc", "http://a:99999", "http://a:80:90", "http://a:0"),
        *("http://[::1", "http://[zz]", "http://999.1.1.1", "http://a..b", "http://" + "x" * 64),
        *("http://a/\x01", 123, b"http://a"),
    ],
)
def test_an_invalid_url_is_refused(url: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="url is no http"):
        SharedState(url=url, key="key")


@pytest.mark.parametrize("scheme", ["http://", "postgresql://", ""])
def test_of_an_address_with_a_password_only_the_rest_is_shown(scheme: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="url is no http") as caught:
        SharedState(url=f"{scheme}user:se/cr@et?pass#word\n@host.test:1", key="key")
    assert "host.test" in str(caught.value)
    for piece in ("user", "se", "cr", "et?", "pass", "word"):
        assert piece not in str(caught.value.detail["value"])


def test_a_host_in_another_alphabet_is_sent_as_punycode() -> None:
    settings = config.load("http://bücher.example:8000/übung", "key")
    assert settings.url == "http://xn--bcher-kva.example:8000/%C3%BCbung"


@pytest.mark.parametrize("key", [123, b"key", ["key"]])
def test_a_key_that_is_no_text_is_refused(key: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="key contains"):
        config.load("http://a:1", key)


@pytest.mark.parametrize("seconds", ["5", 0, -1, math.nan, math.inf, True])
def test_a_timeout_that_is_no_time_is_refused(seconds: Any) -> None:
    with pytest.raises(errors.InvalidArgument, match="timeout_seconds is no number of seconds"):
        SharedState(url="http://a:1", key="key", timeout_seconds=seconds)


@pytest.mark.parametrize("url", ["http://a:1/", "http://a:1/rest/v1", " http://a:1/rest/v1/ "])
def test_a_url_with_a_trailing_slash_or_rest_path_is_understood(url: str) -> None:
    assert config.load(url, "key").url == "http://a:1"


@pytest.mark.parametrize("workspace", ["a ", "x" * 129, "e\u0301", "a\r\nx-evil: 1"])
def test_an_impossible_workspace_is_refused(workspace: str) -> None:
    with pytest.raises(errors.InvalidArgument, match=r"workspace (has|is|begins)"):
        config.load("http://a:1", "key", workspace)


def test_each_client_without_an_execution_id_makes_one() -> None:
    states = [SharedState(url="http://a:1", key="key") for _ in range(2)]
    assert states[0].execution_id != states[1].execution_id
    assert all(re.fullmatch(r"execution-[0-9a-f-]{36}", state.execution_id) for state in states)
    with pytest.raises(errors.InvalidArgument, match="execution_id is empty"):
        SharedState("", url="http://a:1", key="key")


def test_the_key_is_not_shown_in_representations() -> None:
    state = SharedState("me", url="http://a:1", key="secret-key", workspace="robot")
    assert repr(state) == "<SharedState execution_id='me' workspace='robot' url='http://a:1'>"
    assert "secret-key" not in repr(config.load("http://a:1", "secret-key"))


def _worktree(folder: Path, main: Path) -> Path:
    """A git worktree beside its main one, as `git worktree add` leaves it."""
    private = main / ".git" / "worktrees" / folder.name
    private.mkdir(parents=True)
    (private / "commondir").write_text("../..\n")
    folder.mkdir()
    (folder / ".git").write_text(f"gitdir: {private}\n")
    return folder


def test_a_git_worktree_uses_what_runs_in_the_main_one(tmp_path: Path) -> None:
    main = tmp_path / "main"
    below = _worktree(tmp_path / "beside", main) / "src"
    below.mkdir()
    (main / ".env").write_text(FILE)
    assert config.load(environ={}, directory=below).url == "http://file:1"
    (below.parent / ".env").write_text("SUPABASE_URL=http://own:1\nSUPABASE_KEY=k\n")
    assert config.load(environ={}, directory=below).url == "http://own:1"


@pytest.mark.parametrize("text", ["gitdir: ../elsewhere", "", "gitdir: /\0", "no git file"])
def test_a_git_file_that_leads_nowhere_is_no_worktree(tmp_path: Path, text: str) -> None:
    """As that of a submodule."""
    (tmp_path / ".git").write_text(text)
    with pytest.raises(errors.NotConfigured):
        config.load(environ={}, directory=tmp_path)
