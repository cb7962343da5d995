"""docker-compose.scale.yml, laid over docker-compose.yml."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compose.composefile import FILE, ROOT, SCALE_FILE, mounts, resolved, write_env

from sharedstate_ops.stack import Stack, gateway, processes
from sharedstate_ops.stack.site import make_folder, prepare

GATEWAY = ROOT / "compose" / "gateway" / "nginx.scale.conf"


@pytest.fixture
def services(tmp_path: Path) -> dict[str, Any]:
    """Both files together, as Compose reads them."""
    write_env(tmp_path / ".env")
    return resolved(tmp_path / ".env", FILE, SCALE_FILE)


def test_compose_puts_both_files_together(services: dict[str, Any]) -> None:
    assert services["rest"]["deploy"]["replicas"] == 2
    # Several containers of one service can have no port of this machine, and no fixed name.
    assert not {"ports", "container_name"} & services["rest"].keys()
    assert services["rest"]["environment"]["PGRST_DB_POOL"] == "20"
    assert mounts(services["gateway"]).keys() >= {
        "/etc/nginx/nginx.conf",
        "/etc/nginx/templates/default.conf.template",
    }


@pytest.mark.parametrize("hard", [1500, 4000])
def test_the_gateway_may_open_as_many_files_as_the_engine_allows(
    services: dict[str, Any], tmp_path: Path, hard: int
) -> None:
    """And starts where that is few: a container with a limit above the engine's does not start."""
    gateway = services["gateway"]
    assert "ulimits" not in gateway
    image = tmp_path / "docker-entrypoint.sh"
    image.write_text('#!/bin/sh\necho "$(ulimit -S -n) $*"\n')
    image.chmod(0o755)
    command = [*gateway["entrypoint"], *gateway["command"]]
    command = [part.replace("/docker-entrypoint.sh", str(image)) for part in command]
    limited = ["prlimit", f"--nofile=1024:{hard}", *command]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{hard} nginx -g daemon off;\n", done.stderr


def test_the_gateway_asks_for_all_addresses_of_the_instances() -> None:
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["gateway"]
    assert service["environment"]["POSTGREST_ADDRESS"].endswith(" resolve")
    template = (ROOT / "gateway" / "nginx.conf.template").read_text()
    assert "zone postgrest" in template


def test_nginx_accepts_the_main_file_with_the_gateway_in_it(tmp_path: Path) -> None:
    home = Stack(tmp_path).home
    make_folder(home)
    site = prepare(home, lambda message: None)
    template = (ROOT / "gateway" / "nginx.conf.template").read_text()
    values = {
        "GATEWAY_LISTEN": f"127.0.0.1:{processes.free_port()}",
        "POSTGREST_ADDRESS": "127.0.0.1:3000",
        "RECOVERY_HINT": "wait",
    }
    (site.home.run / "default.conf").write_text(gateway.render(template, values))
    (site.home.run / "mime.types").write_text("types { application/json json; }\n")
    text = GATEWAY.read_text()
    for there, here in _moved(site.home.run).items():
        assert there in text
        text = text.replace(there, here)
    (site.home.run / "nginx.conf").write_text(text)
    answer = subprocess.run(
        [*site.run_as.prefix, str(site.binaries.nginx), "-t", "-p", "./", "-c", "nginx.conf"],
        cwd=site.home.run,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr


def _moved(run: Path) -> dict[str, str]:
    """What is elsewhere in the image: paths, and the user, whom only root can become."""
    return {
        "user nginx;": "",
        "/run/nginx.pid": "test.pid",
        "/etc/nginx/mime.types": "mime.types",
        "/etc/nginx/conf.d/*.conf": "default.conf",
        "/dev/stderr": "stderr",
        "http {": "http { client_body_temp_path body; proxy_temp_path proxy;",
    }
