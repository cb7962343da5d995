"""Passwords in `.env` that are not made by `sharedstate keys`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dotenv import dotenv_values
from psycopg.conninfo import conninfo_to_dict
from tests.compose.composefile import EXAMPLE
from tests.stack.passwords import ODD_PASSWORDS

from sharedstate_ops.compose_env import fill
from sharedstate_ops.stack import StackError


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """`.env`, just copied from the example."""
    return Path(shutil.copy(EXAMPLE, tmp_path / ".env"))


def _pieces(password: str, text: str) -> list[str]:
    """The pieces of it, three characters or more, that a text shows."""
    found = {password[start : start + 3] for start in range(len(password) - 2)}
    # Words of our own errors.
    return sorted(piece for piece in found if piece in text.replace("HOST", "").replace("host", ""))


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "AUTHENTICATOR_PASSWORD"])
@pytest.mark.parametrize("password", ODD_PASSWORDS)
def test_an_own_password_that_an_address_cannot_hold_is_refused_and_not_shown(
    env_file: Path, name: str, password: str
) -> None:
    text = env_file.read_text().replace(f"{name}=\n", f"{name}='{password}'\n")
    env_file.write_text(text)
    with pytest.raises(StackError, match=f"{name} in .* cannot hold") as caught:
        fill(env_file)
    assert not _pieces(password, str(caught.value))
    assert "A-Z and a-z, digits, and - . _ ~" in caught.value.hint
    assert env_file.read_text() == text


def test_an_own_password_of_the_characters_that_are_named_is_taken(env_file: Path) -> None:
    own = "Az09-._~+=,!*"
    env_file.write_text(env_file.read_text().replace("S_PASSWORD=\n", f"S_PASSWORD={own}\n"))
    assert "POSTGRES_PASSWORD" not in fill(env_file)
    address = dotenv_values(env_file)["DATABASE_URL"]
    assert address and conninfo_to_dict(address)["password"] == own
