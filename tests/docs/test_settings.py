"""docs/settings.md names every variable of the environment that the package reads, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from sharedstate import config
from sharedstate_ops import compose_env
from sharedstate_ops.cli import output, target

ROOT = Path(__file__).parents[2]
READ = re.compile(r"environ(?:\.get\(|\[)\s*([A-Za-z_\"]+)")
# What the sources read by the name of a constant.
BY_CONSTANT = {
    "HOME_VARIABLE": output.HOME_VARIABLE,
    "VARIABLE": target.VARIABLE,
    "SECRET": compose_env.SECRET,
    "URL": config.URL,
    "WORKSPACE": config.WORKSPACE,
}


def test_every_variable_that_is_read_has_its_line_and_every_line_is_read() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE))
    # config reads these from a mapping that it is given.
    read = {config.KEY, config.TOKEN}
    for path in sorted((ROOT / "client").rglob("*.py")):
        for found in READ.findall(path.read_text(encoding="utf-8")):
            read.add(found.strip('"') if found.startswith('"') else BY_CONSTANT[found])
    assert documented == read
