"""Where a project is, which subsystem a file belongs to, and which settings count."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.agents.hook_support import FEMUR, TOML

from sharedstate import config
from sharedstate.errors import InvalidArgument, NotConfigured
from sharedstate_agents import plain_rpc
from sharedstate_agents.project import (
    Project,
    ProjectError,
    main_worktree,
    pattern_of,
    project_folder,
)


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=Me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with the subsystems skeleton and power."""
    folder = tmp_path / "robot"
    folder.mkdir()
    (folder / "sharedstate.toml").write_text(TOML)
    return folder


@pytest.fixture
def repository(folder: Path) -> Path:
    """The same as a git repository with one commit."""
    git(folder, "init", "-q")
    (folder / "parts" / "skeleton").mkdir(parents=True)
    (folder / FEMUR).touch()
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Begin")
    return folder


def subsystems(folder: Path, path: str | Path) -> list[str]:
    """Whose file it is."""
    return Project.of(str(folder)).subsystems_of(str(path))


def test_a_glob_crosses_folders_by_two_stars_only() -> None:
    fitting = [
        ("parts/skeleton/**", "parts/skeleton/left/femur.py"),
        ("parts/skeleton/", "parts/skeleton/left/femur.py"),
        ("parts/skeleton", "parts/skeleton/left/femur.py"),
        ("parts/*/", "parts/skeleton/left/femur.py"),
        ("parts/skeleton/**/", "parts/skeleton/femur.py"),
        ("**/", "README.md"),
        ("./docs/skeleton.md", "docs/skeleton.md"),
        ("**/femur.py", "femur.py"),
        ("**/femur.py", "a/b/femur.py"),
        ("a/**/b", "a/b"),
        ("a/*/c", "a/b/c"),
        ("app/[slug]/**", "app/[slug]/page.py"),
        ("part?.py", "part7.py"),
        ("teile/Fuß links/**", "teile/Fuß links/Zeh.py"),
        ("a+b(c).py", "a+b(c).py"),
    ]
    others = [
        ("parts/*", "parts/a/b"),
        ("docs/skeleton.md", "docs/skeletonXmd"),
        ("parts/skeleton/**", "parts/skeleton_old/femur.py"),
        ("parts/skeleton", "parts/skeleton_old/femur.py"),
        ("parts/*/", "parts/femur.py"),
        ("femur.py", "parts/femur.py"),
        ("part?.py", "part/.py"),
    ]
    for glob, path in fitting:
        assert re.fullmatch(pattern_of(glob), path), glob
    for glob, path in others:
        assert not re.fullmatch(pattern_of(glob), path), glob


def test_a_file_may_belong_to_several_subsystems(folder: Path) -> None:
    (folder / "sharedstate.toml").write_text('[subsystems]\na = ["x/**"]\nb = ["x/y"]\nc = ["z"]')
    assert subsystems(folder, "x/y") == ["a", "b"]


def test_a_path_is_judged_by_the_file_that_it_leads_to(folder: Path, tmp_path: Path) -> None:
    (folder / "parts" / "skeleton").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / FEMUR).touch()
    (folder / "other" / "link.py").symlink_to(folder / FEMUR)
    (folder / "bones").symlink_to(folder / "parts" / "skeleton")
    (tmp_path / "elsewhere").symlink_to(folder)
    (folder / "parts" / "skeleton" / "out").symlink_to(tmp_path)
    for path in (
        FEMUR,
        folder / FEMUR,
        "other/link.py",
        "bones/tibia.py",
        "other/../parts/skeleton/new/tibia.py",
        tmp_path / "elsewhere" / FEMUR,
    ):
        assert subsystems(folder, path) == ["skeleton"], path
    for path in (
        "parts/skeleton/../other.py",
        "parts/skeleton/out/notes.md",
        tmp_path / "parts" / "skeleton" / "femur.py",
        "/",
        "..",
    ):
        assert subsystems(folder, path) == [], path
    # The project itself may be reached by a link.
    assert subsystems(tmp_path / "elsewhere", folder / FEMUR) == ["skeleton"]


@pytest.mark.parametrize("where", ["beside", "inside"])
def test_a_file_in_a_worktree_belongs_where_its_counterpart_does(
    repository: Path, tmp_path: Path, where: str
) -> None:
    inside = repository / ".claude" / "worktrees" / "a1"
    worktree = inside if where == "inside" else tmp_path / "a1"
    git(repository, "worktree", "add", "-q", str(worktree))
    assert subsystems(repository, worktree / FEMUR) == ["skeleton"]
    assert subsystems(worktree, repository / FEMUR) == ["skeleton"]
    assert subsystems(repository, worktree / "README.md") == []
    assert main_worktree(str(worktree)) == str(repository)
    assert main_worktree(str(repository)) is None


def test_another_repository_inside_of_ours_is_a_folder_like_others(repository: Path) -> None:
    inner = repository / "parts" / "skeleton" / "vendored"
    inner.mkdir()
    git(inner, "init", "-q")
    assert subsystems(repository, inner / "a.py") == ["skeleton"]
    assert subsystems(repository, inner / FEMUR) == ["skeleton"]


def test_a_project_may_be_a_folder_of_a_repository(repository: Path, tmp_path: Path) -> None:
    project = repository / "robot"
    project.mkdir()
    (repository / "sharedstate.toml").rename(project / "sharedstate.toml")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Move")
    git(repository, "worktree", "add", "-q", str(tmp_path / "a1"))
    for checkout in (repository, tmp_path / "a1"):
        assert subsystems(project, checkout / "robot" / FEMUR) == ["skeleton"]
        assert subsystems(project, checkout / FEMUR) == []


def test_case_counts_as_it_does_on_the_file_system(folder: Path) -> None:
    (folder / "Parts" / "Skeleton").mkdir(parents=True)
    assert subsystems(folder, "Parts/Skeleton/Femur.py") == []
    # As on macOS and Windows, where both names are one file.
    os.link(folder / "sharedstate.toml", folder / "SHAREDSTATE.TOML")
    assert subsystems(folder, "Parts/Skeleton/Femur.py") == ["skeleton"]


def test_the_project_is_the_nearest_one_from_where_the_harness_says(
    folder: Path, tmp_path: Path
) -> None:
    deep = folder / "parts" / "skeleton"
    deep.mkdir(parents=True)
    assert project_folder({}, str(deep)) == str(folder)
    assert project_folder({"CLAUDE_PROJECT_DIR": str(deep)}, "/") == str(folder)
    (tmp_path / ".git").mkdir()
    assert project_folder({}, str(tmp_path)) == str(tmp_path)
    assert project_folder({}, str(deep)) == str(folder)
    assert project_folder({}, "/") == "/"


def test_an_error_of_the_file_says_what_is_wrong(folder: Path) -> None:
    (folder / "sharedstate.toml").write_text("workspace = 7")
    with pytest.raises(ProjectError, match=r"^sharedstate.toml: workspace is a text.$"):
        Project.of(str(folder))
    (folder / "sharedstate.toml").unlink()
    (folder / "sharedstate.toml").mkdir()
    with pytest.raises(ProjectError, match="cannot be read"):
        Project.of(str(folder))


URL, KEY = "SUPABASE_URL=http://127.0.0.1:8000\n", "SUPABASE_KEY=file-key\n"
LINES = [
    URL + KEY,
    URL + KEY + "SHAREDSTATE_WORKSPACE='Fuß links'\nSHAREDSTATE_TOKEN=file-token\n",
    f'\ufeff# a comment\nexport {URL}export  SUPABASE_KEY = "a#b" # one\nOTHER=1\n',
    f"{URL}SUPABASE_KEY=a#b # two\nSHAREDSTATE_WORKSPACE=\n",
    "SUPABASE_URL=http://127.0.0.1:8000/rest/v1/\r\nSUPABASE_KEY='x'\r\n",
    URL,
    "OTHER=1\n",
    "",
    KEY + URL + "SUPABASE_KEY=ключ\n",
]
ENVIRONMENTS = [
    {},
    {"SHAREDSTATE_WORKSPACE": "robot", "SHAREDSTATE_TOKEN": "own-token"},
    {"SUPABASE_KEY": "own-key"},
    {"SUPABASE_URL": "http://db:1/", "SUPABASE_KEY": "own-key"},
]


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
def test_hooks_find_the_settings_that_the_client_finds(
    environment: dict[str, str], tmp_path: Path, subtests: pytest.Subtests
) -> None:
    above = tmp_path / "above"
    folder = above / "folder"
    folder.mkdir(parents=True)
    (above / ".env").write_text(URL + "SUPABASE_KEY=key-above\nSHAREDSTATE_TOKEN=token-above\n")
    for text in LINES:
        (folder / ".env").write_bytes(text.encode())
        with subtests.test(text=text):
            try:
                wanted = config.load(environ=environment, directory=folder)
            except (NotConfigured, InvalidArgument):
                with pytest.raises(plain_rpc.CallFailed, match=r"not_configured|invalid_settings"):
                    plain_rpc.load(environment, str(folder))
                continue
            found = plain_rpc.load(environment, str(folder))
            assert tuple(found) == (wanted.url, wanted.key, wanted.workspace, wanted.token)


def test_a_worktree_without_settings_uses_those_of_the_main_one(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "a1"))
    (repository / ".env").write_text(URL + KEY)
    assert plain_rpc.load({}, str(tmp_path / "a1")).key == "file-key"


def test_the_workspace_of_the_project_goes_before_that_of_the_environment(tmp_path: Path) -> None:
    environment = {
        "SUPABASE_URL": "http://x",
        "SUPABASE_KEY": "k",
        "SHAREDSTATE_WORKSPACE": "mine",
    }
    assert plain_rpc.load(environment, str(tmp_path)).workspace == "mine"
    assert plain_rpc.load(environment, str(tmp_path), "robot").workspace == "robot"


def test_settings_show_no_key_and_know_whom_they_speak_for() -> None:
    payload = base64.urlsafe_b64encode(json.dumps({"agent": "Fuß>>>"}).encode()).decode()
    key = f"x.{payload.rstrip('=')}.y"
    settings = plain_rpc.Settings("http://x", key, token=key)
    assert key not in repr(settings) + str(settings)
    assert settings.agent == "Fuß>>>"
    for other in ("sb_publishable_x", "a.b.c", ""):
        assert plain_rpc.Settings("http://x", other).agent is None


def loaded(module: str) -> set[str]:
    """What a fresh Python has loaded with this module of ours; it has no site-packages."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; import {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "client")},
    )
    return set(done.stdout.split())


def test_hooks_load_the_standard_library_only() -> None:
    packages = {name.partition(".")[0] for name in loaded("sharedstate_agents.hook.git_guard")}
    assert packages - sys.stdlib_module_names == {"__main__", "sharedstate_agents"}


def test_an_edit_loads_none_of_the_slow_modules() -> None:
    slow = {"http.client", "urllib.request", "ssl", "pathlib", "subprocess", "socket"}
    assert slow & loaded("sharedstate_agents.hook") == set()
