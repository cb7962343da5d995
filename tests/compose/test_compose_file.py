"""docker-compose.yml keeps what the README says of it, as far as a file can."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.compose.composefile import (
    EXAMPLE,
    FILE,
    ROOT,
    SCALE_FILE,
    VERSION,
    as_written,
    config,
    mounts,
    real_compose,
    resolved,
    write_env,
)

SERVICES = as_written()["services"]
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


def test_the_compose_of_these_tests_is_the_pinned_one() -> None:
    done = subprocess.run([real_compose(), "version"], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"Docker Compose version v{VERSION}", done.stderr


def test_compose_reads_it_and_finds_all_services(tmp_path: Path) -> None:
    """It also checks the file against the Compose specification, and refuses what is not in it."""
    write_env(tmp_path / ".env")
    names = {"db", "rest", "gateway", "meta", "studio"}
    assert set(resolved(tmp_path / ".env")) == names


def test_ports_and_pool_size_come_from_the_env_file(tmp_path: Path) -> None:
    changes = {
        "DB_PORT": "5501",
        "API_PORT": "8101",
        "STUDIO_PORT": "3101",
        "PGRST_DB_POOL": "7",
    }
    write_env(tmp_path / ".env", **changes)
    services = resolved(tmp_path / ".env")
    assert services["rest"]["environment"]["PGRST_DB_POOL"] == "7"
    ports = {name: json.dumps(services[name].get("ports", [])) for name in services}
    assert "5501" in ports["db"] and "8101" in ports["gateway"] and "3101" in ports["studio"]


def test_without_keys_it_says_what_to_do_as_the_page_quotes_it() -> None:
    done = config(EXAMPLE)
    assert done.returncode != 0
    page = (ROOT / "docs" / "compose.md").read_text()
    (quoted,) = re.findall(r"^\| `(required variable .*?)` ", page, re.MULTILINE)
    # The first variable that Compose comes across, in no order.
    assert re.search(re.escape(quoted).replace(r"\.\.\.", "[A-Z_]+"), done.stderr), done.stderr
    assert quoted.endswith("run cp .env.example .env and make keys")


def test_each_checkout_is_a_project_of_its_own_with_volumes_of_its_own(tmp_path: Path) -> None:
    """Else clones in folders of one name are one project, and one starts on the other's data."""
    found = []
    for name in ("first-1a2b", "second-3c4d"):
        write_env(tmp_path / ".env", COMPOSE_PROJECT_NAME=name)
        read = yaml.safe_load(config(tmp_path / ".env").stdout)
        found.append({volume["name"] for volume in read["volumes"].values()})
        assert read["name"] == name
    assert len(found[0]) == 4
    assert not found[0] & found[1]
    # A fixed name of a container, or a volume from outside, would be shared all the same.
    for file in (FILE, SCALE_FILE):
        content = file.read_text()
        assert not re.search(r"^name:|container_name:|external:", content, re.MULTILINE)


def test_each_variable_is_in_the_example_and_each_of_the_example_is_read() -> None:
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    used = set(VARIABLE.findall(FILE.read_text()))
    assert used - set(example) == set()
    # What Compose itself reads, and what agents and the command line read.
    assert set(example) - used == {
        "COMPOSE_PROJECT_NAME",
        "SUPABASE_URL",
        "SUPABASE_KEY",
        "DATABASE_URL",
    }


def test_defaults_are_those_of_the_example() -> None:
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    for name, default in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", FILE.read_text()):
        assert example[name] == default, name


def test_no_secret_is_shipped() -> None:
    empty = re.findall(r"^([A-Z_]+)=$", EXAMPLE.read_text(), re.MULTILINE)
    assert len(empty) == 8
    assert not re.search(r"eyJ|password\s*[:=]\s*\w", FILE.read_text() + EXAMPLE.read_text())


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_ports_open_on_this_machine_alone(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:v?\d[\w.-]+", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_prints_cannot_fill_the_disk(name: str) -> None:
    kept = SERVICES[name]["logging"]["options"]
    assert (kept["max-size"], kept["max-file"]) == ("10m", "3")


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_a_health_check_and_waits_for_healthy_ones(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    for needed, wait in service.get("depends_on", {}).items():
        assert wait == {"condition": "service_healthy"}
        assert "healthcheck" in SERVICES[needed]


def test_no_services_wait_for_each_other_in_a_cycle() -> None:
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
    scale = yaml.safe_load(SCALE_FILE.read_text())["services"]
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
    # Inside its container it listens on every address, which is the default, and has an admin
    # server, which the health check asks. Since version 14 it remembers tokens unasked.
    admin = {"admin-server-host", "admin-server-port"}
    only_one_has = {"server-host", *admin, "jwt-cache-max-lifetime"}
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
