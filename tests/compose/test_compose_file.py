"""docker-compose.yml keeps what the README says of it, as far as a file can."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.compose.composefile import (
    EXAMPLE,
    FILE,
    ROOT,
    Implementation,
    as_written,
    implementations,
    mounts,
    resolved,
    write_env,
)
from tests.tools import unavailable

SERVICES = as_written()["services"]
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


@pytest.fixture(params=["podman-compose", "docker-compose", "docker compose"])
def implementation(request: pytest.FixtureRequest, tmp_path: Path) -> Implementation:
    """Each compose implementation that this machine has; podman-compose it always has."""
    found = {each.name: each for each in implementations(tmp_path)}
    if request.param not in found:
        unavailable(f"{request.param} is not installed here", request.param)
    return found[request.param]


def test_the_file_follows_the_compose_specification() -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("check-jsonschema")),
            "--builtin-schema=vendor.compose-spec",
            str(FILE),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_compose_implementation_reads_it_and_finds_all_services(
    implementation: Implementation, tmp_path: Path
) -> None:
    write_env(tmp_path / ".env")
    assert set(resolved(implementation, tmp_path / ".env")) == {
        "db",
        "rest",
        "gateway",
        "meta",
        "studio",
    }


def test_ports_pool_size_and_logging_come_from_the_env_file(
    implementation: Implementation, tmp_path: Path
) -> None:
    changes = {
        "DB_PORT": "5501",
        "API_PORT": "8101",
        "STUDIO_PORT": "3101",
        "PGRST_DB_POOL": "7",
        "POSTGRES_LOG_STATEMENT": "ddl",
    }
    write_env(tmp_path / ".env", **changes)
    services = resolved(implementation, tmp_path / ".env")
    assert "log_statement=ddl" in services["db"]["command"]
    assert services["rest"]["environment"]["PGRST_DB_POOL"] == "7"
    ports = {name: json.dumps(services[name].get("ports", [])) for name in services}
    assert "5501" in ports["db"] and "8101" in ports["gateway"] and "3101" in ports["studio"]


def test_without_keys_it_says_what_to_do_and_starts_nothing(
    implementation: Implementation,
) -> None:
    done = implementation.config(EXAMPLE)
    assert done.returncode != 0
    assert "run cp .env.example .env and make keys" in done.stderr


def test_each_variable_is_in_the_example_and_each_of_the_example_is_read() -> None:
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    used = set(VARIABLE.findall(FILE.read_text()))
    assert used - set(example) == set()
    # What agents and the command line read; compose has no use for them.
    assert set(example) - used == {"SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL"}


def test_defaults_are_those_of_the_example() -> None:
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", FILE.read_text()):
        assert example[name] == default, name


def test_no_secret_is_shipped() -> None:
    empty = re.findall(r"^([A-Z_]+)=$", EXAMPLE.read_text(), re.MULTILINE)
    assert len(empty) == 7
    assert not re.search(r"eyJ|password\s*[:=]\s*\w", FILE.read_text() + EXAMPLE.read_text())


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_ports_open_on_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:v?\d[\w.-]+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_health_check_and_waits_for_healthy_ones(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    for needed, wait in service.get("depends_on", {}).items():
        assert wait == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[needed]


def test_nothing_waits_in_a_circle() -> None:
    order: list[str] = []
    while len(order) < len(SERVICES):
        ready = [
            name
            for name, service in SERVICES.items()
            if name not in order and set(service.get("depends_on", {})) <= set(order)
        ]
        assert ready, f"nothing can start after {order}"
        order += ready
    assert order[0] == "db"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_is_in_the_repository(name: str) -> None:
    for path in mounts(SERVICES[name]).values():
        assert path.exists() and path.is_relative_to(ROOT), path


def test_what_is_mounted_has_the_line_ends_of_linux_in_every_checkout() -> None:
    """Windows' git would write others, and sh and psql stumble over them."""
    attributes = (ROOT / ".gitattributes").read_text().splitlines()
    scale = yaml.safe_load((ROOT / "docker-compose.scale.yml").read_text())["services"]
    for service in (*SERVICES.values(), *scale.values()):
        for path in mounts(service).values():
            for file in path.iterdir() if path.is_dir() else [path]:
                assert f"*{file.suffix} eol=lf" in attributes, file


def test_the_documented_override_puts_opaque_keys_where_the_gateway_looks_for_them() -> None:
    page = (ROOT / "docs" / "platform.md").read_text()
    block = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (volume,) = yaml.safe_load(block[0])["services"]["gateway"]["volumes"]
    source, target, mode = volume.split(":")
    # nginx takes names from the folder of its main file, /etc/nginx/nginx.conf.
    assert (target, mode) == ("/etc/nginx/apikeys.map", "ro")
    assert "include apikeys.map*;" in (ROOT / "gateway" / "nginx.conf.template").read_text()
    assert source.removeprefix("./") in (ROOT / ".gitignore").read_text()


def test_the_data_is_in_named_volumes() -> None:
    named = {
        str(volume).split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not str(volume).startswith(".")
    }
    studio = {"studio-snippets", "studio-functions"}
    assert named == set(as_written()["volumes"]) == {"database", "database-keys"} | studio
    assert "database:/var/lib/postgresql/data" in SERVICES["db"]["volumes"]


def test_the_database_is_initialised_after_the_image_has_made_its_roles() -> None:
    scripts = [
        target for target in mounts(SERVICES["db"]) if target.startswith("/docker-entrypoint")
    ]
    assert scripts == ["/docker-entrypoint-initdb.d/zz_sharedstate.sh"]
    # The image runs the files of this folder by name; migrate.sh makes the roles.
    assert Path(scripts[0]).name > "migrate.sh"
    assert mounts(SERVICES["db"])[scripts[0]].stat().st_mode & 0o111


def test_the_gateway_runs_the_template_of_the_embedded_stack() -> None:
    template = ROOT / "gateway" / "nginx.conf.template"
    assert template in mounts(SERVICES["gateway"]).values()
    environment = SERVICES["gateway"]["environment"]
    allowed = re.compile(environment["NGINX_ENVSUBST_FILTER"].replace("$$", "$"))
    for name in re.findall(r"\$\{([A-Z_]+)\}", template.read_text()):
        assert name in environment and allowed.match(name), name


def test_postgrest_has_the_settings_of_the_embedded_stack() -> None:
    source = (ROOT / "client" / "sharedstate_ops" / "stack" / "postgrest.py").read_text()
    embedded = set(re.findall(r'^        "([a-z-]+)": ', source, re.MULTILINE))
    assert len(embedded) > 8
    composed = {
        name.removeprefix("PGRST_").replace("_", "-").lower()
        for name in SERVICES["rest"]["environment"]
        if name.startswith("PGRST_")
    }
    # Inside its container it listens on every address, which is the default, and the admin server
    # on localhost, where the health check asks. Since version 14 it remembers tokens unasked.
    only_one_has = {"server-host", "admin-server-host", "jwt-cache-max-lifetime"}
    assert composed ^ embedded <= only_one_has
    assert "\nPOOL = 20\n" in source
    assert SERVICES["rest"]["environment"]["PGRST_DB_POOL"] == "${PGRST_DB_POOL:-20}"


def test_studio_and_postgres_meta_share_a_key_and_the_owner_of_the_tables() -> None:
    studio, meta = SERVICES["studio"]["environment"], SERVICES["meta"]["environment"]
    assert "${PG_META_CRYPTO_KEY" in studio["PG_META_CRYPTO_KEY"]
    assert "${PG_META_CRYPTO_KEY" in meta["CRYPTO_KEY"]
    assert studio["POSTGRES_USER_READ_WRITE"] == meta["PG_META_DB_USER"] == "postgres"
    assert studio["STUDIO_PG_META_URL"] == f"http://meta:{meta['PG_META_PORT']}"
    assert studio["SUPABASE_URL"].startswith("http://gateway:")


# What Studio's own API refuses to work without, or has a default for that is wrong here.
NEEDED_BY_STUDIO = {
    "STUDIO_PG_META_URL",
    "PG_META_CRYPTO_KEY",
    "POSTGRES_HOST",
    "POSTGRES_PORT",
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "POSTGRES_USER_READ_WRITE",
    "POSTGRES_USER_READ_ONLY",
    "SUPABASE_URL",
    "SUPABASE_PUBLIC_URL",
    "SUPABASE_ANON_KEY",
    "SUPABASE_SERVICE_KEY",
    "AUTH_JWT_SECRET",
    "SNIPPETS_MANAGEMENT_FOLDER",
    "EDGE_FUNCTIONS_MANAGEMENT_FOLDER",
}


def test_studio_has_what_it_requires_and_its_folders_survive_the_container() -> None:
    studio = SERVICES["studio"]
    given = {name for name, value in studio["environment"].items() if value}
    assert given >= NEEDED_BY_STUDIO
    mounted = {str(volume).split(":")[1] for volume in studio["volumes"]}
    folders = {value for name, value in studio["environment"].items() if name.endswith("_FOLDER")}
    assert folders == mounted
