"""docker-compose.scale.yml, laid over docker-compose.yml."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.compose.composefile import ROOT, implementations, write_env
from tests.tools import unavailable

from sharedstate_ops.stack import Stack, gateway, processes
from sharedstate_ops.stack.site import make_folder, prepare

OVERRIDE = ROOT / "docker-compose.scale.yml"
GATEWAY = ROOT / "compose" / "gateway" / "nginx.scale.conf"


@pytest.mark.parametrize("name", ["podman-compose", "docker-compose", "docker compose"])
def test_a_compose_implementation_puts_both_files_together(tmp_path: Path, name: str) -> None:
    found = {each.name: each for each in implementations(tmp_path)}
    if name not in found:
        unavailable(f"{name} is not installed here", name)
    write_env(tmp_path / ".env")
    files = ["--file", str(ROOT / "docker-compose.yml"), "--file", str(OVERRIDE)]
    answer = subprocess.run(
        [*found[name].command, "--env-file", str(tmp_path / ".env"), *files, "config"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    services: dict[str, Any] = yaml.safe_load(answer.stdout)["services"]
    assert services["rest"]["deploy"]["replicas"] == 2
    # Several containers of one service can have no port of this machine, and no fixed name.
    assert not {"ports", "container_name"} & services["rest"].keys()
    assert services["rest"]["environment"]["PGRST_DB_POOL"] == "20"
    mounts = json.dumps(services["gateway"]["volumes"])
    assert "/etc/nginx/nginx.conf" in mounts
    assert "/etc/nginx/templates/default.conf.template" in mounts


def test_the_file_follows_the_compose_specification() -> None:
    program = str(Path(sys.executable).with_name("check-jsonschema"))
    done = subprocess.run(
        [program, "--builtin-schema=vendor.compose-spec", str(OVERRIDE)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


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
    (site.run / "default.conf").write_text(gateway.render(template, values))
    (site.run / "mime.types").write_text("types { application/json json; }\n")
    text = GATEWAY.read_text()
    for there, here in _moved(site.run).items():
        assert there in text
        text = text.replace(there, here)
    (site.run / "nginx.conf").write_text(text)
    answer = subprocess.run(
        [*site.run_as.prefix, str(site.binaries.nginx), "-t", "-p", "./", "-c", "nginx.conf"],
        cwd=site.run,
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
